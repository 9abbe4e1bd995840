// Answers JSON lines with JSON lines: devices in a browser that a test in another language drives, and single questions
// on which implementations may differ. It decides nothing: who asks compares.
import { createInterface } from "node:readline";
import { Misuse, Refused } from "../engine/errors.js";
import { hex, unhex } from "../engine/names.js";
import type { Effects } from "../engine/sync/inputs.js";
import { decode, encode, type Message } from "../engine/sync/messages.js";
import { CALLED } from "./called.js";
import { Device, secretsOf } from "./device.js";
import { DOCUMENT_QUESTIONS } from "./documents_asked.js";
import { QUESTIONS } from "./questions.js";
import { RECORD_QUESTIONS } from "./recorded.js";
import { RULED } from "./ruled.js";

type Question = Record<string, never> & { ask: string; device: string; peer: string; bytes: string; text: string };

const SINGLE = { ...QUESTIONS, ...DOCUMENT_QUESTIONS, ...RECORD_QUESTIONS, ...RULED, ...CALLED };

const devices = new Map<string, Device>();

function written(device: Device, effects: Effects): Record<string, unknown> {
  const letter = (message: Message) => [message.message, hex(encode(message))];
  const { judged, forks, refused, alarms } = effects;
  return {
    ask: effects.ask.map(([peer, want]) => [peer, ...letter(want)]),
    serve: effects.serve.map(([peer, want]) => [peer, ...letter(device.answer(want))]),
    send: effects.send.map(([peer, message]) => [peer, ...letter(message)]),
    met: [...device.replica.met].sort(),
    meet: [...effects.meet].sort(),
    append: effects.append.map(({ digest }) => digest),
    bodies: effects.bodies.length,
    judged,
    forks: forks.length,
    refused,
    alarms,
  };
}

async function toDevice(device: Device, given: Question): Promise<unknown> {
  const { ask, peer, bytes, text } = given;
  if (ask === "hear") return written(device, device.hear(peer, decode(given["kind"]!, unhex(bytes))));
  if (ask === "meet") return written(device, device.handle({ input: "met", peer }));
  if (ask === "lose") return written(device, device.handle({ input: "lost", peer }));
  if (ask === "tick") return written(device, device.handle({ input: "ticked" }));
  if (ask === "say") return written(device, await device.say(given["titles"]!, text));
  if (ask === "save") return device.save();
  if (ask === "restore") return device.restore();
  if (ask === "restart") return device.restart();
  if (ask === "look") return device.look();
  throw new Error(`nobody knows how to ${ask}`);
}

async function answer(given: Question): Promise<unknown> {
  if (given.ask !== "start") {
    const single = SINGLE[given.ask];
    return single ? single(given) : toDevice(devices.get(given.device)!, given);
  }
  devices.set(given.device, new Device(secretsOf(given["secrets"]!)));
  return null;
}

for await (const line of createInterface({ input: process.stdin })) {
  let told: unknown;
  try {
    told = { answer: (await answer(JSON.parse(line))) ?? null };
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Misuse)) throw error;
    told = { refused: error.name };
  }
  console.log(JSON.stringify(told));
}
