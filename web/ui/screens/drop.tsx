// One captured file: looked at, heard, or handed to another app of this phone. Its bytes are shown from memory only.
import { useEffect, useState } from "preact/hooks";
import { Button, Empty, Loaded, Screen } from "../parts.js";
import { useRows } from "../state.js";
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

/** The screen. */
export function Drop({ id }: { id: string }) {
  const rows = useRows("drop.get", { document: id }, ["inbox"]);
  return (
    <Screen title={rows.value?.name ?? "File"} up="inbox">
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
    </Screen>
  );
}
