// What must never be written: no reader would take it, and an event that nobody takes stands in the way of all later ones.
import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../engine/events/cbor.js";
import { hex } from "../engine/names.js";

test("halves of letters, fractions and numbers that are not exact are refused", () => {
  for (const value of ["\ud83c", "a\udf31", 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)]) {
    throws(() => encode([value]), { name: "Malformed" }, String(value));
  }
  equal(hex(encode(["🌱", -0, 2 ** 53 - 1])), "8364f09f8cb1001b001fffffffffffff");
});
