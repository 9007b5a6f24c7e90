// As little as a module can be.
export {}
