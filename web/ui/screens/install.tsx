// Putting the app on the home screen: on an iPhone before pairing, since its storage there is another one. It only tells.
import { Icon } from "../icons.js";
import { Notice } from "../parts.js";

/** Whether this is a phone or tablet of Apple's, whose home-screen apps have a storage of their own. */
export function isApple(): boolean {
  return (
    /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1)
  );
}

/** Whether this page runs as an app of the home screen. */
export function isInstalled(): boolean {
  const apple = (navigator as { standalone?: boolean }).standalone === true;
  return apple || matchMedia("(display-mode: standalone), (display-mode: minimal-ui)").matches;
}

/** What to do on an iPhone, step by step. */
export function AddToHomeScreen() {
  return (
    <>
      <ol class="steps">
        <li>
          Tap <b>Share</b> <Icon name="share" /> in the bar of Safari.
        </li>
        <li>
          Choose <b>Add to Home Screen</b>, then <b>Add</b>.
        </li>
        <li>
          Open <b>Mesh</b> from the home screen and go on there.
        </li>
      </ol>
      <Notice tone="warn">
        <p>
          Pair the app on the home screen, not this page: an iPhone keeps their data apart, and clears those of pages
          that are not used for a week.
        </p>
      </Notice>
    </>
  );
}
