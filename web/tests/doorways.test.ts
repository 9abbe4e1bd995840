// Which authority of the mesh's page counts for a phone, and who lost its key; as tests/unit/state/test_doorways.py has it.
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { type Admission, type Statement, type Statements, Verdict } from "../engine/events/verdict.js";
import { type Digest, DocumentId } from "../engine/names.js";
import * as doorways from "../engine/state/doorways.js";
import { Record } from "../engine/state/records.js";

const [MAC, LAPTOP, AGAIN] = ["1", "2", "3"].map((letter) => letter.repeat(64) as Digest) as [Digest, Digest, Digest];
const KEYS = { [MAC]: 1, [LAPTOP]: 2, [AGAIN]: 2 };

function admission(digest: Digest, rank = 1): Admission {
  const key = new Uint8Array(32).fill(KEYS[digest]!);
  return { digest, rank, name: digest === MAC ? "mac" : "laptop", signKey: key, kemKey: key, transportKey: key, tlsKey: key };
}

function statement(digest: Digest): Statement {
  const { rank, name, signKey, kemKey, transportKey, tlsKey } = admission(digest);
  const body = { kind: "admit", signKey, kemKey, transportKey, tlsKey, name, proof: signKey, rank };
  return { digest, admission: MAC, stamp: { lamport: 1, chain: MAC }, kind: "admit", body, seq: 1, parent: MAC } as Statement;
}

const STATEMENTS: Statements = new Map([MAC, LAPTOP, AGAIN].map((digest) => [digest, statement(digest)]));

function verdictOf(live: readonly Admission[], closed: readonly Admission[] = []): Verdict {
  const verdict = new Verdict();
  for (const one of [...live, ...closed]) verdict.admissions.set(one.digest, one);
  for (const one of closed) verdict.closes.set(one.digest, new Map());
  return verdict;
}

const BOTH = verdictOf([admission(MAC), admission(LAPTOP, 2)]);
const LOST = verdictOf([admission(MAC)], [admission(LAPTOP, 2)]);

function doorway(certificate: string, lamport: number, ...holders: Digest[]): doorways.Doorway {
  const wraps = holders.map((name) => [doorways.KEY + name, "AAAA"] as const);
  const id = DocumentId.parse(`mesh/doorway/${"a".repeat(26)}`);
  return doorways.read(new Record(id, new Map([["cert", certificate], ["since", 5], ...wraps] as never), ""), lamport)!;
}

test("the first counts that nobody lost", () => {
  const [first, second] = [doorway("AAAA", 1, MAC, LAPTOP), doorway("BBBB", 2, MAC)];
  equal(doorways.current([second, first], BOTH, STATEMENTS)?.certificate, "AAAA");
  equal(doorways.current([second, first], LOST, STATEMENTS)?.certificate, "BBBB");
  equal(doorways.current([first], LOST, STATEMENTS), null);
  deepEqual(doorways.lost(first, LOST, STATEMENTS), ["laptop"]);
  equal(doorways.current([doorway("AAAA", 1)], BOTH, STATEMENTS), null);
});

test("births of one certificate are one", () => {
  const both = [doorway("AAAA", 9, LAPTOP), doorway("AAAA", 1, MAC)];
  equal(doorways.joined(both).length, 1);
  equal(doorways.current(both, LOST, STATEMENTS), null);
});

test("the same device under another admission lost nothing, unless it is no admin now", () => {
  const first = doorway("AAAA", 1, MAC, LAPTOP);
  const again = verdictOf([admission(MAC), admission(AGAIN, 3)], [admission(LAPTOP, 2)]);
  equal(doorways.current([first], again, STATEMENTS)?.certificate, "AAAA");
  const member = verdictOf([admission(MAC), admission(AGAIN, 10)], [admission(LAPTOP, 2)]);
  equal(doorways.current([first], member, STATEMENTS), null);
});

test("only admins make one", () => {
  equal(doorways.mayMake(LOST, LAPTOP), true);
  equal(doorways.mayMake(verdictOf([admission(MAC, 10)]), MAC), false);
  equal(doorways.mayMake(BOTH, AGAIN), false);
});
