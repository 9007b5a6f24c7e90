import type { Lifecycle } from '@lameduck/core'
import type { DynamicModule } from '@nestjs/common'

/** The lifecycle's injection token: `constructor(@Inject(lifecycleToken) private lifecycle: Lifecycle)`. */
export const lifecycleToken: unique symbol = Symbol.for('@lameduck/lifecycle')

/** Makes the lifecycle injectable everywhere; imported once, in the root module. */
export class LameduckModule {
  /** The lifecycle stays the caller's. */
  static forRoot(lifecycle: Lifecycle): DynamicModule {
    return { module: LameduckModule, global: true, providers: [{ provide: lifecycleToken, useValue: lifecycle }], exports: [lifecycleToken] }
  }
}
