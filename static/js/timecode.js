// Times in a clip as editors read them, as studio/gallery/timecodes.py has them too: m:ss:ff where the frame rate is known, m:ss.hh where it is not.
const SLACK = 0.001; // of a frame
const pad = (number) => String(number).padStart(2, "0");
const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

export const frameAt = (seconds, rate) => Math.floor(seconds * rate + SLACK);
export const middleOf = (frame, rate) => (frame + 0.5) / rate; // seconds: where no rounding moves it to the next frame

function parts(seconds, rate) {
  if (!rate) return { whole: Math.floor(seconds), rest: Math.floor((seconds % 1) * 100), mark: "." };
  const frame = frameAt(seconds, rate), inSecond = Math.max(1, Math.round(rate));
  return { whole: Math.floor(frame / inSecond), rest: frame % inSecond, mark: ":" };
}

export function timecode(seconds, rate) {
  const { whole, rest, mark } = parts(seconds, rate);
  return `${Math.floor(whole / 60)}:${pad(whole % 60)}${mark}${pad(rest)}`;
}

// "3 seconds, frame 12", for ears
export function spoken(seconds, rate) {
  const { whole, rest } = parts(seconds, rate), minutes = Math.floor(whole / 60);
  const told = minutes ? `${count(minutes, "minute")} ${count(whole % 60, "second")}` : count(whole % 60, "second");
  return rate ? `${told}, frame ${rest}` : told;
}
