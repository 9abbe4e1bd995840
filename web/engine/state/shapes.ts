// What a change may do to a document of a type: the gate for every change, said or heard; as mesh/state/shapes.py.
//
// The gate looks at one change alone and at nothing else that may be held, so it gives the same answer everywhere and
// always. Whether a change fits the history it stands on is decided in history.ts. This module never waits.
import { Malformed, NotGranted, TooLarge } from "../errors.js";
import type { Born, Value } from "../events/kinds.js";
import { SEQ_MAX } from "../limits.js";
import type { Digest } from "../names.js";
import { BODY, type Rule, type Shape, shapeOf, TAG, type ValueType } from "./catalogue.js";
import { toUtf8 } from "./columns.js";
import { Action, type Change, type Operation, type OperationId } from "./operations.js";

const ADMISSION_DIGITS = 16; // of an actor: the first half says whose it is, the rest is random

/** Who made a change, and of what type is the document that it is for. */
export interface Author {
  readonly admission: Digest;
  readonly kind: string;
  /** The document's Text object as its birth gives it (genesis.ts), null when its text is a register. */
  readonly body: OperationId | null;
}

/** Refuse a birth that a document of this type cannot have. Throws Malformed or TooLarge. */
export function checkBirth(kind: string, birth: Born): void {
  if (birth.registers.has(BODY)) throw new Malformed("a birth has its text among the registers");
  for (const [key, value] of birth.registers) {
    clean(key);
    checkRegister(kind, key, value);
  }
  checkValue(BODY, shapeOf(kind).registers.get(BODY)!, birth.text);
}

/** Refuse a change that its author may not make, or that no such document consists of. Throws Refused. */
export function gate(change: Change, { admission, kind, body }: Author): void {
  if (change.actor.slice(0, ADMISSION_DIGITS) !== admission.slice(0, ADMISSION_DIGITS)) {
    throw new NotGranted("a change is written in the name of another device", "Nothing was changed.");
  }
  if (change.dependencies.length === 0) {
    throw new Malformed("a change stands on nothing, not even on its document's birth");
  }
  const shape = shapeOf(kind);
  for (const operation of change.operations) {
    if (operation.object !== null) checkLetter(operation, body);
    else if (operation.key !== null) checkRoot(operation, operation.key, shape, kind, body !== null);
    else throw new Malformed("an operation names an element where a register belongs");
  }
}

function checkLetter(operation: Operation, body: OperationId | null): void {
  const { action, key, element, insert, value, before } = operation;
  if (body === null || operation.object !== body) {
    throw new Malformed("a change writes into an object that the document was not born with");
  }
  if (action === Action.PUT && insert) {
    const single = typeof value === "string" && [...value].length === 1 && value !== "\0";
    if (!single || before.length > 0) throw new Malformed("a text is not written in single characters");
  } else if (action !== Action.DELETE || insert || value !== null) {
    throw new Malformed("a text can only gain and lose characters");
  } else if (before.length !== 1 || key !== null || before[0] !== element) {
    throw new Malformed("a deletion in a text names something else than its character");
  }
  if (key !== null) throw new Malformed("an operation names a register where a character belongs");
}

function checkRoot(operation: Operation, key: string, shape: Shape, kind: string, isText: boolean): void {
  clean(key);
  const { action, insert, value, before } = operation;
  if (insert || action === Action.MAKE_TEXT) throw new Malformed("a change makes an object, which only a birth does");
  if (key === BODY && isText) throw new Malformed("a change would replace a whole text at once");
  const rule = shape.rule(key);
  if (rule?.fixed) throw new Malformed(`a ${kind} says that once and for ever, in its birth`);
  if (action === Action.PUT) checkRegister(kind, key, value);
  else if (value !== null || before.length === 0) throw new Malformed("a removal has a value, or removes nothing");
  else if (key === BODY || rule === null) throw new Malformed(`a ${kind} has no register of that name to remove`);
}

/** Refuse a value that a register of this type cannot have. Throws Malformed or TooLarge. */
export function checkRegister(kind: string, key: string, value: Value): void {
  const shape = shapeOf(kind);
  const rule = shape.rule(key);
  if (rule === null) throw new Malformed(`a ${kind} has no register of that name`);
  const tagged = key.startsWith(TAG) && shape.prefixes.has(TAG);
  if (!rule.types.includes(typeOf(value)) || (tagged && value !== true)) {
    throw new Malformed(`a register of a ${kind} holds a value of the wrong type`);
  }
  checkValue(key, rule, value);
}

function typeOf(value: Value): ValueType {
  return value === null ? "null" : (typeof value as ValueType);
}

function checkValue(key: string, rule: Rule, value: Value): void {
  if (typeof value === "string") {
    const size = clean(value);
    if (size > rule.bytesMax) {
      throw new TooLarge(`a ${key === BODY ? "text" : "register"} has ${size} bytes, more than ${rule.bytesMax}`);
    }
  } else if (typeof value === "number" && !(Number.isInteger(value) && Math.abs(value) <= SEQ_MAX)) {
    throw new TooLarge("a number is larger than every device can hold");
  }
}

/** How many bytes a sound text has. */
function clean(text: string): number {
  const size = toUtf8(text).length;
  if (text.includes("\0")) throw new Malformed("a text has a NUL in it");
  return size;
}
