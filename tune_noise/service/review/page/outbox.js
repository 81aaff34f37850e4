// Answers on their way to the server. None is lost: they lie in the browser's storage until the
// server has said that it holds them, and each has an id, so that sending one twice counts once.

const PREFIX = "tune-noise/outbox/";
const LONGEST_PAUSE = 5000;

export class Outbox {
  // send: takes entries, returns a promise that is kept once the server holds them.
  // changed: is called with the number of entries that are unsaved, and why the last try failed.
  constructor(list, send, changed) {
    const prefix = `${PREFIX}${list}/`;
    const left = Object.keys(localStorage).filter((name) => name.startsWith(prefix));
    this.place = prefix + newId();
    this.send = send;
    this.changed = changed;
    // What a page left that was closed, or is open in another tab: ids make a second copy harmless.
    this.entries = left.flatMap((place) => JSON.parse(localStorage.getItem(place)));
    this.pause = 0;
    this.isSending = false;
    this.keep();
    left.forEach((place) => localStorage.removeItem(place));
    this.deliver();
  }

  keep() {
    if (this.entries.length) localStorage.setItem(this.place, JSON.stringify(this.entries));
    else localStorage.removeItem(this.place);
  }

  add(entry) {
    this.entries.push(entry);
    this.keep();
    this.changed(this.entries.length, "");
    this.deliver();
  }

  async deliver() {
    if (this.isSending) return;
    this.isSending = true;
    while (this.entries.length) {
      const batch = this.entries.slice(0, 50);
      let fault = "";
      try {
        await this.send(batch);
        this.entries = this.entries.slice(batch.length);
        this.keep();
        this.pause = 0;
      } catch (error) {
        fault = error.message;
        this.pause = Math.min(LONGEST_PAUSE, 2 * this.pause || 250);
      }
      this.changed(this.entries.length, fault);
      if (this.pause) await new Promise((wake) => setTimeout(wake, this.pause));
    }
    this.isSending = false;
  }
}

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
