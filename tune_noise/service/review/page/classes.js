// The classes to choose from: buttons with keys where there are few, a box to type into otherwise.

const SYMBOLS = "1234567890abcdefghijklmnopqrstvwxyz"; // u undoes
const MOST_MATCHES = 24;

// Return the key of each class: a class called by one sign has that sign.
export function keysOf(names) {
  const own = names.map((name) => (/^[0-9a-z]$/i.test(name) ? name.toLowerCase() : null));
  const free = [...SYMBOLS].filter((sign) => !own.includes(sign));
  const keys = own.map((sign) => sign ?? free.shift() ?? null);
  return keys.includes(null) || new Set(keys).size < keys.length ? null : keys;
}

export class ClassChooser {
  constructor(names, choose) {
    this.names = names;
    this.choose = choose;
    this.keys = keysOf(names);
    this.box = document.getElementById("filter");
    this.list = document.getElementById("classes");
    this.current = 0;
    this.chosen = null;
    if (this.keys) {
      this.list.replaceChildren(...names.map((name, value) => this.button(name, value)));
      return;
    }
    this.box.hidden = false;
    this.list.setAttribute("role", "listbox");
    this.box.addEventListener("input", () => this.match());
    this.match();
  }

  button(name, value) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.value = value;
    const key = document.createElement("kbd");
    key.textContent = this.keys[value];
    button.append(key, ` ${name}`);
    button.addEventListener("click", () => this.choose(value));
    return button;
  }

  option(value) {
    const option = document.createElement("div");
    option.setAttribute("role", "option");
    option.id = `class-${value}`;
    option.dataset.value = value;
    option.textContent = this.names[value];
    option.addEventListener("click", () => this.choose(value));
    return option;
  }

  // Show the classes whose names hold what was typed: first those that begin with it.
  match() {
    const typed = this.box.value.trim().toLowerCase();
    const rank = (name) => (name === typed ? 0 : name.startsWith(typed) ? 1 : name.includes(typed) ? 2 : 3);
    const ranked = this.names.map((name, value) => [rank(name.toLowerCase()), value]);
    this.matches = ranked.filter(([place]) => place < 3).sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map(([, value]) => value);
    this.list.replaceChildren(...this.matches.slice(0, MOST_MATCHES).map((value) => this.option(value)));
    const hidden = this.matches.length - MOST_MATCHES;
    this.box.setAttribute("aria-description", hidden > 0 ? `and ${hidden} more: type on` : "");
    this.highlight(0);
    this.mark(this.chosen);
  }

  highlight(number) {
    const options = [...this.list.children];
    this.current = Math.max(0, Math.min(number, options.length - 1));
    options.forEach((option, place) => option.setAttribute("aria-selected", place === this.current));
    options[this.current]?.scrollIntoView({ block: "nearest" });
    this.box.setAttribute("aria-activedescendant", options[this.current]?.id ?? "");
  }

  // Take a key; return whether it meant a class, or something in the box.
  take(event) {
    if (this.keys) {
      const value = this.keys.indexOf(event.key.toLowerCase());
      if (value >= 0) this.choose(value);
      return value >= 0;
    }
    if (event.key === "Enter") {
      if (this.box.value.trim() && this.matches.length) this.choose(this.matches[this.current]);
      return true;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.highlight(this.current + (event.key === "ArrowDown" ? 1 : -1));
      return true;
    }
    if (event.key === "Escape") {
      this.clear();
      return true;
    }
    if (document.activeElement !== this.box && /^[\p{L}\p{N}]$/u.test(event.key)) this.box.focus();
    return false;
  }

  get isTyping() {
    return !this.keys && this.box.value !== "";
  }

  clear() {
    if (this.keys) return;
    this.box.value = "";
    this.match();
  }

  // Show which answer was given.
  mark(value) {
    this.chosen = value;
    for (const one of document.querySelectorAll("#answers button[data-value]"))
      one.setAttribute("aria-pressed", one.dataset.value === String(value));
    for (const one of this.list.querySelectorAll("[role=option]"))
      one.classList.toggle("given", one.dataset.value === String(value));
  }

  focus(heading) {
    (this.keys ? heading : this.box).focus({ preventScroll: true });
  }
}
