// What screens are made of: bars, rows, buttons, fields, and the states "empty", "wrong" and "not yet". Foreign text is
// always a text node; nothing here sets HTML.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Fault } from "../engine/port.js";
import { Icon, type IconName } from "./icons.js";
import { back } from "./route.js";
import type { Rows } from "./state.js";

type Children = { children?: ComponentChildren };

/** A screen: its name is the heading, and takes the focus when the screen is entered. */
export function Screen(
  props: Children & { title: string; up?: string; action?: ComponentChildren; foot?: ComponentChildren },
) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${props.title} · Mesh`;
  }, [props.title]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <>
      <div class="title">
        {props.up && (
          <button class="plain square" type="button" aria-label="Back" onClick={() => back(props.up!)}>
            <Icon name="back" />
          </button>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {props.title}
        </h1>
        {props.action}
      </div>
      <div class="content">{props.children}</div>
      {props.foot && <div class="foot">{props.foot}</div>}
    </>
  );
}

/** A part of a screen under a heading of its own. */
export function Section({ title, children, note }: Children & { title: string; note?: string }) {
  return (
    <section class="section" aria-label={title}>
      <h2>{title}</h2>
      {children}
      {note && <p class="note">{note}</p>}
    </section>
  );
}

/** Rows with hairlines between them. */
export function Card({ children }: Children) {
  return <ul class="card">{children}</ul>;
}

interface RowProps {
  href?: string;
  icon?: IconName;
  title: ComponentChildren;
  text?: ComponentChildren;
  end?: ComponentChildren;
  wrap?: boolean;
}

/** One row: where it leads, what it says, what stands at its end. */
export function Line(props: RowProps) {
  const inside = (
    <>
      {props.icon && <Icon name={props.icon} class="lead" />}
      <span class="words">
        <span class={props.wrap ? "name wraps" : "name"} dir="auto">
          {props.title}
        </span>
        {props.text && <span class={props.wrap ? "text wraps" : "text"}>{props.text}</span>}
      </span>
      {props.end && <span class="end">{props.end}</span>}
      {props.href && <Icon name="next" class="faint" />}
    </>
  );
  if (!props.href) return <div class="row">{inside}</div>;
  return (
    <a class="row" href={props.href}>
      {inside}
    </a>
  );
}

/** The same as an item of a card. */
export function Row(props: RowProps) {
  return (
    <li>
      <Line {...props} />
    </li>
  );
}

/** A small word beside something. */
export function Chip({ tone = "", children }: Children & { tone?: "" | "good" | "warn" | "bad" }) {
  return <span class={`chip ${tone}`}>{children}</span>;
}

type ButtonProps = Children & {
  kind?: "main" | "soft" | "plain" | "danger";
  busy?: boolean;
  icon?: IconName;
  onClick?: () => void;
  disabled?: boolean;
  type?: "button" | "submit";
  label?: string;
};

/** Something to do. While it is being done it says so and does nothing twice. */
export function Button({
  kind = "soft",
  busy = false,
  icon,
  children,
  type = "button",
  disabled,
  label,
  onClick,
}: ButtonProps) {
  return (
    <button
      class={`button ${kind}`}
      type={type}
      disabled={disabled || busy}
      aria-busy={busy}
      aria-label={label}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A button that is an icon only; its label is what it does. */
export function Tool(props: { icon: IconName; label: string; onClick: () => void; disabled?: boolean; kind?: string }) {
  return (
    <button
      class={`plain square ${props.kind ?? ""}`}
      type="button"
      aria-label={props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}

/** Nothing here, and why that is fine or what to do. */
export function Empty({ title, children, icon = "empty" }: Children & { title: string; icon?: IconName }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="big">{title}</p>
      <p>{children}</p>
    </div>
  );
}

/** What went wrong, and what can be done. */
export function Trouble({ fault, again }: { fault: Fault | null; again?: () => void }) {
  if (!fault) return null;
  return (
    <div class={`notice ${fault.family === "Misuse" || fault.family === "Unreachable" ? "warn" : "bad"}`} role="alert">
      <Icon name="warning" />
      <div>
        <p class="strong">{fault.message}</p>
        <p>{fault.hint}</p>
        {again && <Button onClick={again}>Try again</Button>}
      </div>
    </div>
  );
}

/** Something that the person should know here. */
export function Notice({
  tone = "",
  icon = "warning",
  children,
}: Children & { tone?: "" | "good" | "warn" | "bad"; icon?: IconName }) {
  return (
    <div class={`notice ${tone}`}>
      <Icon name={icon} />
      <div>{children}</div>
    </div>
  );
}

/** Rows as they come: what went wrong above, bars of the same size as rows until the first answer. */
export function Loaded<Value>(props: { rows: Rows<Value>; children: (value: Value) => ComponentChildren }) {
  const { value, fault, again } = props.rows;
  return (
    <>
      <Trouble fault={fault} again={again} />
      {value !== null ? props.children(value) : fault ? null : <Waiting />}
    </>
  );
}

/** The place of rows that have not come yet. */
export function Waiting() {
  return (
    <div class="waiting card" role="status" aria-label="Loading">
      {[0, 1, 2, 3].map((row) => (
        <div key={row} class="bar" />
      ))}
    </div>
  );
}

/** A field of one line with its label. */
export function Field({ label, hint, ...rest }: { label: string; hint?: string } & JSX.IntrinsicElements["input"]) {
  return (
    <label class="field">
      <span>{label}</span>
      <input dir="auto" {...rest} />
      {hint && <small>{hint}</small>}
    </label>
  );
}

/** A text of many lines that grows with what is in it. */
export function Area({ label, value, ...rest }: { label: string; value: string } & JSX.IntrinsicElements["textarea"]) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const here = area.current!;
    here.style.height = "auto";
    here.style.height = `${here.scrollHeight + 2}px`;
  }, [value]);
  return <textarea ref={area} dir="auto" rows={1} aria-label={label} value={value} {...rest} />;
}

/** One of a few, side by side. */
export function Choice<Name extends string>(props: {
  label: string;
  value: Name;
  options: readonly (readonly [Name, string])[];
  onChange: (value: Name) => void;
}) {
  return (
    <div class="choice" role="group" aria-label={props.label}>
      {props.options.map(([name, words]) => (
        <button key={name} type="button" aria-pressed={name === props.value} onClick={() => props.onChange(name)}>
          {words}
        </button>
      ))}
    </div>
  );
}

/** A text that somebody wrote, as they wrote it. */
export function Prose({ text }: { text: string }) {
  return (
    <div class="prose" dir="auto">
      {text}
    </div>
  );
}

/** Points of a list, under a heading; nothing where there are none. */
export function Points({ title, items }: { title: string; items: readonly string[] }) {
  if (!items.length) return null;
  return (
    <Section title={title}>
      <ul class="points">
        {items.map((item, place) => (
          <li key={place} dir="auto">
            {item}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** What can be done on a screen that stands alone, at thumb reach. */
export function Acts({ children }: Children) {
  return <div class="acts">{children}</div>;
}

/** A screen that stands alone, without bars. */
export function Stage({ title, above, children }: Children & { title: string; above?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [title]);
  return (
    <div class="stage">
      {above}
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </div>
  );
}
