// Waits for news of a board: the server holds its answer back until something is newer than the tag (see bell.py). Only one answer is awaited at a time.
import { send } from "app/request";

const DEAF = 60_000; // ms during which a server that holds nothing back is not asked again
const LONGEST = 60_000; // ms: longer than a server holds an answer; it never comes
let line = null, heard = "", isHeld = false, deafUntil = 0;

// Whether the server will tell.
export const hears = () => isHeld;

export function stop() {
  line?.abort();
  line = null;
  isHeld = false;
}

// `told` hears "held" when the server will tell, "news" when there are some, and "lost" when nobody will tell any more.
export async function listen(url, tag, told) {
  if ((line && heard === tag) || Date.now() < deafUntil) return;
  stop();
  const mine = line = new AbortController(), tooLong = setTimeout(() => mine.abort(), LONGEST);
  heard = tag;
  let answer = "";
  try {
    const response = await send(url, { headers: { "HX-PTag": tag }, cache: "no-store", signal: mine.signal }, "never");
    if (line === mine && response.status === 200) {
      isHeld = true;
      told("held");
    }
    if (response.status === 204) deafUntil = Date.now() + DEAF;
    answer = response.status === 200 ? await response.text() : "";
  } catch {
    // the line was cut, by us or by a server that went away: the page asks by its own clock, and listens again once it was answered
  }
  clearTimeout(tooLong);
  if (line !== mine) return;
  line = null;
  if (answer === "0") listen(url, tag, told);
  else {
    isHeld = answer === "1";
    told(isHeld ? "news" : "lost");
  }
}
