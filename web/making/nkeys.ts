// What stands where nats-core would bring a library of its own for signing: nothing, for the phone's key signs in the
// browser's store and no seed ever is in script. It saves a fifth of the app; calling it is a bug of ours.

function unused(): never {
  throw new Error("a phone signs with the keys of its browser");
}

/** What nats-core names. */
export const nkeys = { fromSeed: unused, fromPublic: unused, createUser: unused };
