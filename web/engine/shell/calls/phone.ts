// What calls work with: one phone's engine and what is known beside it, and the form that a call has; as
// mesh/node/agent.py and mesh/node/calls.py have it.
//
// Types, and nothing that could go wrong. Whoever calls is the person: a phone has no agents.
import type { CallName, Calls } from "../../port.js";
import type { DeviceRow, Standing } from "../../rows.js";
import { deviceText } from "../../names.js";
import type { Engine } from "../engine.js";
import type { Holdings } from "./holdings.js";

/** One phone, as calls see it. */
export interface Phone {
  readonly engine: Engine;
  readonly holdings: Holdings;
  /** Each device, as the call `devices` tells of it. */
  devices(): Promise<DeviceRow[]>;
  /** What is wrong here, as the call `status` tells of it. */
  problems(): Promise<Standing["problems"]>;
  /** Whether a device said just now that a session, by its document, is at work. */
  isAtWork(session: string): boolean;
}

/** How one call is answered. */
export type Handler<Name extends CallName> = (phone: Phone, given: Calls[Name][0]) => Promise<Calls[Name][1]>;

/** How some calls are answered. */
export type Handlers<Name extends CallName> = { readonly [One in Name]: Handler<One> };

/** This phone, as devices are written for people. */
export function ownDevice(phone: Phone): string {
  return deviceText(phone.engine.own.admission);
}

/** Now, by this phone's clock, in milliseconds. */
export function nowMs(phone: Phone): number {
  return phone.engine.world.nowMs();
}

/** How many rows a page has that was asked for. */
export function pageOf(given: { readonly limit?: number }, usual: number, most: number): number {
  return Math.min(Math.max(given.limit ?? usual, 1), most);
}
