// Asks: a question to the person, its answers, and what came of it; as mesh/state/asks.py has it.
//
// Each device that answers writes a register of its own, so no answer is lost. What counts is what the device that asked
// took: one answer, or the default when the time was over. It writes that once, and whatever comes later changes
// nothing: an answer arrives once or expires, never both. This module reads no clock: now comes in.
import { Misuse, Refused } from "../errors.js";
import { lettersIn, stripped } from "../letters.js";
import { ASK_OPTIONS_MAX, ASK_WORDS_CHARACTERS_MAX } from "../limits.js";
import { byText } from "../names.js";
import { isMap, isWhole, type JsonMap, listing, mustBeLine, type Record, type Registers, said, TITLE } from "./records.js";

export const KIND = "ask";
export const [WAITING, ANSWERED, EXPIRED, TAKEN] = ["waiting", "answered", "expired", "taken"] as const;
export const STATES = [WAITING, ANSWERED, EXPIRED, TAKEN] as const;
export const ANSWER = "answer/";
const OUTCOME = "taken";

export type State = (typeof STATES)[number];

/** What a device answered, or what was taken when nobody did (`device` is empty then). */
export interface Answer {
  readonly option: string;
  readonly text: string;
  readonly device: string;
  readonly atMs: number;
}

/** What somebody wants to know. `about`: `project`, `session`, `agent`, `device`, `at`, `expires`. */
export interface Question {
  readonly words: string;
  readonly options?: readonly string[];
  readonly default?: string;
  readonly detail?: JsonMap;
  readonly about?: Registers;
}

/** Whether an answer is the default, since nobody answered in time. */
export function isExpired(answer: Answer): boolean {
  return answer.device === "";
}

/** The registers that a question is born with. Throws Misuse or TooLarge. */
export function registers(question: Question): Registers {
  const options = (question.options ?? []).map((option) => mustBeLine(option, "option"));
  if (options.length > ASK_OPTIONS_MAX || new Set(options).size !== options.length) {
    throw new Misuse(`a question has at most ${ASK_OPTIONS_MAX} options, each once`);
  }
  const otherwise = question.default ?? "";
  if (otherwise && options.length > 0 && !options.includes(otherwise)) {
    throw new Misuse(`the default '${otherwise}' is none of the options`);
  }
  const detail = question.detail ?? {};
  return {
    ...question.about,
    [TITLE]: mustBeLine(question.words, "question"),
    options: listing(options),
    default: otherwise,
    detail: Object.keys(detail).length > 0 ? said(detail) : "",
  };
}

/** All answers, the earliest first as their devices say, then by device: the same order everywhere. */
export function answers(record: Record): Answer[] {
  const found = [...record.saids(ANSWER)].map(([device, value]) => ({ ...answerOf(value), device }));
  return found.sort((one, other) => one.atMs - other.atMs || byText(one.device, other.device));
}

/** What the device that asked took; null while it took nothing. */
export function taken(record: Record): Answer | null {
  const value = record.said(OUTCOME);
  return isMap(value) ? answerOf(value) : null;
}

/** Whether a register is an answer, or what came of a question: what only one device may say. */
export function isAnswer(key: string): boolean {
  return key === OUTCOME || key.startsWith(ANSWER);
}

/** The device that alone may say such a register. */
export function whose(record: Record, key: string): string {
  return key === OUTCOME ? record.word("device") : key.slice(ANSWER.length);
}

/** How a question stands, and the answer that is taken, or will be as far as this device can see. */
export function state(record: Record, nowMs: number): readonly [State, Answer | null] {
  const done = taken(record);
  if (done) return [TAKEN, done];
  const [first] = answers(record);
  if (first) return [ANSWERED, first];
  if (isOver(record, nowMs)) return [EXPIRED, { option: record.word("default"), text: "", device: "", atMs: 0 }];
  return [WAITING, null];
}

/** Whether the time for an answer is over. */
export function isOver(record: Record, nowMs: number): boolean {
  const expires = record.number("expires");
  return expires > 0 && expires <= nowMs;
}

/**
 * The register by which the device that asked takes what there is; nothing while there is nothing, or it did.
 *
 * Throws Refused for any other device.
 */
export function taking(record: Record, device: string, nowMs: number): Registers {
  if (record.word("device") !== device) {
    throw new Refused(`${record.document.text} was asked by another device`, "Only that one takes its answer.");
  }
  const [how, answer] = state(record, nowMs);
  return answer && how !== TAKEN ? { [OUTCOME]: written(answer) } : {};
}

/** The register by which the person answers on a device. Throws Misuse, or Refused when it is too late. */
export function answering(record: Record, device: string, word: string, text: string, nowMs: number): Registers {
  const [how, done] = state(record, nowMs);
  if (done && (how === TAKEN || done.device !== device)) {
    throw new Refused(late(record, done), "Nothing was changed. The question shows what holds.");
  }
  const options = record.listed("options");
  const option = word ? optionOf(word, options) : "";
  if (options.length > 0 && !option) {
    throw new Misuse(`'${word}' is none of the options`, `One of: ${options.join(", ")}.`);
  }
  if (options.length === 0 && !stripped(word || text)) throw new Misuse("an answer has words", "Say yes, no, or more.");
  const words = text || (options.length > 0 ? "" : word);
  if (lettersIn(words) > ASK_WORDS_CHARACTERS_MAX) {
    const most = ASK_WORDS_CHARACTERS_MAX.toLocaleString("en-US");
    throw new Misuse(`an answer has at most ${most} characters`);
  }
  return { [ANSWER + device]: written({ option, text: words, device, atMs: nowMs }) };
}

function late(record: Record, done: Answer): string {
  const document = record.document.text;
  if (!isExpired(done)) return `${document} is answered already: ${done.option || done.text}`;
  return `${document} expired, and its default holds${done.option ? ` (${done.option})` : ""}`;
}

/** The option that somebody means: the words of it, or its number from 1. */
function optionOf(words: string, options: readonly string[]): string {
  if (options.includes(words)) return words;
  const close = options.filter((option) => option.toLowerCase() === stripped(words).toLowerCase());
  if (close.length === 1) return close[0]!;
  return /^[0-9]{1,2}$/.test(words) ? (options[Number(words) - 1] ?? "") : "";
}

/** An answer as a register keeps it. */
function written({ option, text, device, atMs }: Answer): string {
  return said({ option, text, device, at: atMs });
}

function answerOf(value: JsonMap): Answer {
  const word = (key: string) => (typeof value[key] === "string" ? value[key] : "");
  const at = value["at"];
  return { option: word("option"), text: word("text"), device: word("device"), atMs: isWhole(at) ? at : 0 };
}
