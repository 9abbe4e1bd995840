// What the build puts in place of these names; no code.

/** What this build was made from: the beginning of a digest over all sources and the lock. */
declare const __VERSION__: string;

/** The address of a worker of its own, with everything it imports. */
declare module "*?worker&url" {
  const address: string;
  export default address;
}

/** The address of a file that is served as it is. */
declare module "*.wasm?url" {
  const address: string;
  export default address;
}
