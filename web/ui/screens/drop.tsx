// One captured file: looked at, heard, or handed to another app of this phone. Its bytes are shown from memory only.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Empty, Loaded, Screen } from "../parts.js";
import type { Calls } from "../../engine/port.js";
import { standing, useRows } from "../state.js";
import { bytes } from "../words.js";

/** Hand a file to another app, or save it where the browser saves files. */
export async function handOver(file: Blob, name: string): Promise<void> {
  const shared = new File([file], name, { type: file.type });
  if (navigator.canShare?.({ files: [shared] })) {
    await navigator.share({ files: [shared] }).catch((error: Error) => {
      if (error.name !== "AbortError") throw error;
    });
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(shared);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function useAddress(file: Blob | null): string | null {
  const [address, set] = useState<string | null>(null);
  useEffect(() => {
    if (!file) return undefined;
    const made = URL.createObjectURL(file);
    set(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return address;
}

function Content({ file, name, mime }: { file: Blob; name: string; mime: string }) {
  const address = useAddress(file);
  return (
    <>
      {address && mime.startsWith("image/") && <img class="picture" src={address} alt={name} />}
      {address && mime.startsWith("video/") && <video class="picture" src={address} controls aria-label={name} />}
      {address && mime.startsWith("audio/") && <audio class="sound" src={address} controls aria-label={name} />}
      <p class="note">
        {mime} · {bytes(file.size)}
      </p>
      <Button kind="main" icon="share" onClick={() => void handOver(file, name)}>
        Open or share
      </Button>
    </>
  );
}

type Shown = Calls["drop.show"][1];

/** Plays from the node what is not here, part by part; goes on where it was when its address has become too old. */
function Played({ shown, url, again, keep }: { shown: Shown; url: string; again: () => void; keep: () => void }) {
  const [source, play] = useState({ url, at: 0 }); // what plays does not begin anew because something else is news
  const [state, be] = useState<"new" | "plays" | "stale" | "failed">("new");
  useEffect(() => {
    if (state !== "stale" || url === source.url) return;
    play({ url, at: source.at });
    be("new");
  }, [url, state]);
  const Player = shown.mime.startsWith("video/") ? "video" : "audio";
  return (
    <>
      <Player
        class={Player === "video" ? "picture" : "sound"}
        src={source.url}
        controls
        preload="metadata"
        aria-label={shown.name}
        onLoadedMetadata={({ currentTarget: player }) => {
          if (source.at > 0) player.currentTime = source.at;
          be("plays");
        }}
        onError={({ currentTarget: player }) => {
          if (state !== "plays") return be("failed"); // a new address would come to the same
          play({ ...source, at: player.currentTime });
          be("stale");
          again();
        }}
      />
      <p class="note">
        {shown.mime} · {bytes(shown.size)} · {state === "failed" ? "does not play from" : "plays from"} {standing.value?.node ?? "another device"}
      </p>
      <Button icon="cloud" onClick={keep}>
        Keep it on this phone
      </Button>
    </>
  );
}

function Fetched({ id }: { id: string }) {
  const rows = useRows("drop.get", { document: id }, ["inbox"]);
  return (
    <Loaded rows={rows}>
      {({ file, name, mime }) =>
        file ? (
          <Content file={file} name={name} mime={mime} />
        ) : (
          <Empty title="Not on this phone" icon="cloud">
            No device in reach has the bytes of this file right now. They come when one is.
          </Empty>
        )
      }
    </Loaded>
  );
}

/** The screen. */
export function Drop({ id }: { id: string }) {
  const rows = useRows("drop.show", { document: id }, ["inbox", "devices"]);
  const [wanted, want] = useState(false);
  const known = useRef<string | null>(null); // what plays goes on while the link is down for a moment
  if (rows.value) known.current = rows.value.here ? null : (rows.value.url ?? known.current);
  return (
    <Screen title={rows.value?.name ?? "File"} up="inbox">
      <Loaded rows={rows}>
        {(shown) =>
          known.current !== null && !wanted ? (
            <Played shown={shown} url={known.current} again={rows.again} keep={() => want(true)} />
          ) : (
            <Fetched id={id} />
          )
        }
      </Loaded>
    </Screen>
  );
}
