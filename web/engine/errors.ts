// Every way in which something can fail, by whose fault it is; as mesh/errors.py has it.
//
// Each has a sentence and a hint: what the person can do now. Names are written out, for a minified class has none.
// This module never shows and never logs.

/** The root: a sentence for the person, and a hint. */
export abstract class MeshError extends Error {
  abstract override readonly name: string;
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** The caller asked for something that makes no sense. */
export class Misuse extends MeshError {
  override readonly name: string = "Misuse";

  constructor(message: string, hint = "Try it another way.") {
    super(message, hint);
  }
}

/** What came is not acceptable, and nothing was changed by it. */
export class Refused extends MeshError {
  override readonly name: string = "Refused";

  constructor(message: string, hint = "Nothing was changed.") {
    super(message, hint);
  }
}

/** Not of the form that the protocol asks for. */
export class Malformed extends Refused {
  override readonly name = "Malformed";

  constructor(message: string, hint = "It may be cut short, or come from something else than mesh. Nothing was changed.") {
    super(message, hint);
  }
}

/** Over a limit that limits.ts names. */
export class TooLarge extends Refused {
  override readonly name = "TooLarge";

  constructor(message: string, hint = "Split it into smaller parts. Nothing was changed.") {
    super(message, hint);
  }
}

/** A signature, a hash or a seal does not fit what it stands on. */
export class Forged extends Refused {
  override readonly name = "Forged";

  constructor(
    message: string,
    hint = "Somebody altered it on the way, or it was never written by who it says. Nothing was changed.",
  ) {
    super(message, hint);
  }
}

/** From another mesh, or from a device that is not in this one. */
export class Stranger extends Refused {
  override readonly name = "Stranger";

  constructor(message: string, hint = "Check which mesh it comes from. Nothing was changed.") {
    super(message, hint);
  }
}

/** No grant lets this device do that. */
export class NotGranted extends Refused {
  override readonly name = "NotGranted";

  constructor(message: string, hint = "Ask at an admin device for a grant.") {
    super(message, hint);
  }
}

/** Our own store is not what we wrote. */
export class Damaged extends MeshError {
  override readonly name = "Damaged";

  constructor(message: string, hint = "What other devices hold can be fetched again after this phone is paired anew.") {
    super(message, hint);
  }
}

/** The world does not answer: a device, a server, a disk. Trying again may help. */
export class Unreachable extends MeshError {
  override readonly name: string = "Unreachable";

  constructor(message: string, hint = "Try again when one of your devices is in reach.") {
    super(message, hint);
  }
}

/** The disk takes nothing more. Reads go on; nothing half written remains. */
export class DiskFull extends Unreachable {
  override readonly name = "DiskFull";

  constructor(message: string, hint = "Free some space on this phone; writing goes on as soon as there is room.") {
    super(message, hint);
  }
}
