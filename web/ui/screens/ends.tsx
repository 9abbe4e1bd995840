// When this page is not a working member: taken out of the mesh, or another tab has the pen. It deletes nothing itself.
import { useEffect, useState } from "preact/hooks";
import type { Calls } from "../../engine/port.js";
import { Icon, Mark } from "../icons.js";
import { Acts, Button, Stage, Trouble } from "../parts.js";
import { ask, look, standing, useAct } from "../state.js";
import { moment } from "../words.js";

/** Taken out of the mesh, by a verified statement. */
export function Removed() {
  const { removed, name } = standing.value!;
  const again = useAct(async () => {
    await ask("wipe", { confirm: name ?? "" });
    await look();
  });
  const [unsent, found] = useState<Calls["unsent"][1]>(null);
  useEffect(() => void ask("unsent").then(found, () => undefined), []);
  return (
    <Stage title="This phone was removed" above={<Icon name="shield" class="hero" />}>
      <p>
        {removed
          ? `${removed.by} took it out of the mesh, ${moment(removed.time_ms, Date.now())}.`
          : "It was taken out of the mesh."}{" "}
        The statement is signed, and this phone checked it.
      </p>
      {removed?.reason && (
        <p class="quote" dir="auto">
          {removed.reason}
        </p>
      )}
      <p>Its keys and what it held were erased. Your other devices keep what they have.</p>
      {unsent && (
        <p>Some of what was written here had reached no other device. Save it first: pairing again erases it.</p>
      )}
      <Acts>
        {unsent && <Button onClick={() => save(unsent)}>Save what was not sent</Button>}
        <Trouble fault={again.fault} />
        <Button kind="main" busy={again.busy} onClick={() => void again.run()}>
          Pair it again
        </Button>
      </Acts>
    </Stage>
  );
}

/** Hand a text to the person as a file. */
function save({ name, text }: { name: string; text: string }): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address));
}

/** Another tab of this app writes. */
export function Elsewhere() {
  const take = useAct(async () => {
    await ask("writer.take");
    await look();
  });
  return (
    <Stage title="Mesh is open in another tab" above={<Mark />}>
      <p>One tab at a time writes, so that nothing is written twice. The other one stops when you go on here.</p>
      <Acts>
        <Trouble fault={take.fault} />
        <Button kind="main" busy={take.busy} onClick={() => void take.run()}>
          Use it here
        </Button>
      </Acts>
    </Stage>
  );
}
