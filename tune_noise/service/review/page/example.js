// What is seen of an example: a picture, a text, or the row of a table.

// Begin to load the picture of an example, so that it is there when it is shown.
export function pictureOf(example) {
  if (!example.picture) return example;
  const image = (example.image = new Image());
  image.alt = "The picture to be judged";
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < 200));
  image.addEventListener("error", () => image.replaceWith("The picture cannot be read."));
  image.src = `api/picture/${example.key}`;
  return example;
}

export function showExample(place, { image, text, row, hidden }) {
  place.classList.toggle("picture", Boolean(image));
  if (image) {
    place.replaceChildren(image);
  } else if (row) {
    place.replaceChildren(table(row), hidden ? `and ${hidden} more numbers` : "");
  } else {
    const block = document.createElement("p");
    block.className = "text";
    block.textContent = text || "(an empty text)";
    place.replaceChildren(block);
  }
}

function table(row) {
  const table = document.createElement("table");
  for (const [name, value] of row) {
    const line = table.insertRow();
    const heading = document.createElement("th");
    heading.scope = "row";
    heading.textContent = name;
    line.append(heading);
    line.insertCell().textContent = value;
  }
  return table;
}

// Show what the data and the model say of the example, where the page may know it.
export function showAbout(place, about) {
  place.hidden = !about;
  place.replaceChildren(...(about ?? []).map(([name, value]) => {
    const [pair, term, told] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    told.textContent = value;
    pair.append(term, told);
    return pair;
  }));
}
