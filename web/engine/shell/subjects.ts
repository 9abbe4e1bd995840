// Whom an answer is about: how a device is called, and how an author is told of; as mesh/node/subjects.py has it.
//
// It reads the verdict and the log, and changes nothing.
import { admitted } from "../events/verdict.js";
import { type Digest, deviceText, shown } from "../names.js";
import type * as rows from "../rows.js";
import type { Replica } from "../sync/replica.js";
import type { Author } from "./store_port.js";

/** A device's name, its admission counting or not. */
export function nameOf(replica: Replica, admission: Digest): string {
  return admitted(replica.statements.get(admission))?.name ?? deviceText(admission);
}

/** An author as a person names him: the device, or AGENT@DEVICE. */
export function whoOf(replica: Replica, author: Author): string {
  const name = nameOf(replica, author.admission);
  return author.agent ? `${author.agent}@${name}` : name;
}

/** Who wrote something, when, and by which event. */
export function toldAuthor(replica: Replica, author: Author): rows.Author {
  return {
    device: deviceText(author.admission),
    name: nameOf(replica, author.admission),
    agent: author.agent,
    at: author.timeMs,
    event: author.event,
  };
}

/** What a device is called that something names by its text; that text where it is not known. */
export function deviceName(replica: Replica, device: string): string {
  const { admissions } = replica.verdict;
  return [...admissions.values()].find((one) => deviceText(one.digest) === device)?.name ?? shown(device);
}
