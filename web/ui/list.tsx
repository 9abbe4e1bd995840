// A list of any length: only the rows near the window are in the page, and the place of all others is reserved, so that
// nothing jumps. Rows of one list are equally high. It asks for further rows and never makes any up.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const ROW = 72; // pixels, until one was measured
const BESIDE = 8; // rows above and below the window that are made beforehand

interface ListProps<Row> {
  label: string;
  rows: readonly Row[];
  /** How many there are in all; places are kept for those that are not here yet. */
  total: number;
  keyOf: (row: Row) => string;
  children: (row: Row) => ComponentChildren;
  /** Called with how many rows are wanted when the window comes near the end of those that are here. */
  want?: (count: number) => void;
}

const measured = new Map<string, number>();

/** Which rows the window shows, of rows this high. */
export function windowOf(top: number, height: number, row: number, total: number): [first: number, end: number] {
  const first = Math.max(0, Math.floor(-top / row) - BESIDE);
  return [Math.min(first, total), Math.max(0, Math.min(total, Math.ceil((height - top) / row) + BESIDE))];
}

/** The list, scrolled by the page itself. */
export function List<Row>({ label, rows, total, keyOf, children, want }: ListProps<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLDivElement>(null);
  const [row, measure] = useState(measured.get(label) ?? ROW);
  const [[first, end], show] = useState<[number, number]>([0, 2 * BESIDE]);
  const place = () => {
    if (!box.current) return;
    const [from, to] = windowOf(box.current.getBoundingClientRect().top, innerHeight, row, total);
    show((now) => (now[0] === from && now[1] === to ? now : [from, to]));
  };
  useLayoutEffect(() => {
    const seen = new ResizeObserver(() => {
      const high = probe.current?.getBoundingClientRect().height || ROW;
      measured.set(label, high);
      measure(high);
    });
    seen.observe(probe.current!);
    return () => seen.disconnect();
  }, []);
  useLayoutEffect(place, [row, total]);
  useEffect(() => {
    let asked = 0;
    const moved = () => (asked ||= requestAnimationFrame(() => ((asked = 0), place())));
    addEventListener("scroll", moved, { passive: true });
    addEventListener("resize", moved, { passive: true });
    return () => {
      cancelAnimationFrame(asked);
      removeEventListener("scroll", moved);
      removeEventListener("resize", moved);
    };
  }, [row, total]);
  useEffect(() => {
    if (end > rows.length && rows.length < total) want?.(end);
  }, [end, rows.length, total]);
  const shown = rows.slice(first, end);
  return (
    <div class="list" ref={box} style={{ height: `${total * row}px` }}>
      <div class="probe" ref={probe} aria-hidden="true" />
      <ul class="rows" aria-label={label} style={{ transform: `translateY(${first * row}px)` }}>
        {shown.map((one, place) => (
          <li key={keyOf(one)} aria-setsize={total} aria-posinset={first + place + 1}>
            {children(one)}
          </li>
        ))}
      </ul>
    </div>
  );
}
