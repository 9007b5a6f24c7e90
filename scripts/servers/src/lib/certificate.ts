/** Self-signed for localhost, made for tests alone, valid for a hundred years. */
export const localhost: { readonly key: string; readonly cert: string } = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaCewRZbLzIbnq09v
meddkDCtRgzY+t0BxGb34Kx91xGhRANCAAT1b0i6y8UY56DhWWLr/MxtPjXz2+tk
y5/loCdYhZV/NspmPcH1u8dKy0GQ3qouY+Gf4TULMLwq4/Uq7239jR9F
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUWdkDGXG+PuBGxS2xUIfnLH3huuowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzIxMzk1MloYDzIxMjYxMDMw
MjEzOTUyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT1b0i6y8UY56DhWWLr/MxtPjXz2+tky5/loCdYhZV/NspmPcH1u8dK
y0GQ3qouY+Gf4TULMLwq4/Uq7239jR9Fo28wbTAdBgNVHQ4EFgQUb7qy+zrZJKrT
snShNN43EK2dDpEwHwYDVR0jBBgwFoAUb7qy+zrZJKrTsnShNN43EK2dDpEwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgJiy+ct+gWFs0yXlXBCj+NJTMZTzQmzfPv71HXeeFevECID4J
/fLXE+EY9vfbqU1Jlrs4h+OyBYTAVQQxzSTiqu83
-----END CERTIFICATE-----
`,
}
