/* Pictures with maps over them: one picture at a time; sign and opacity are the reader's choice. */
(() => {
  "use strict";
  // Blue pulls up and orange pulls down, as on every page; a magnitude has no sign, and a colour of its own.
  const UP = [37, 99, 205];
  const DOWN = [226, 88, 34];
  const SIZE = [142, 68, 173];
  /* Value of a level in [-1, 1], as each view shows it. */
  const VIEWS = { size: (v) => v, signed: (v) => v, up: (v) => Math.max(v, 0), down: (v) => Math.min(v, 0) };

  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };
  const load = (source) =>
    new Promise((resolve, reject) => {
      const image = new Image();
      image.onload = () => resolve(image);
      image.onerror = reject;
      image.src = source;
    });
  const pixels = (image) => {
    const canvas = make("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };

  const paint = (card, view, opacity) => {
    const { canvas, photo, layers } = card;
    const levels = view === "size" || !layers.signed ? layers.size : layers.signed;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const out = context.createImageData(canvas.width, canvas.height);
    for (let at = 0; at < out.data.length; at += 4) {
      const value = VIEWS[layers.signed ? view : "size"]((levels[at] - 128) / 127);
      const alpha = opacity * Math.sqrt(Math.min(1, Math.abs(value)));
      const colour = view === "size" || !layers.signed ? SIZE : value > 0 ? UP : DOWN;
      // The photograph fades to grey as the map gets stronger, so that colours are the map's alone.
      const grey = 0.6 * (0.299 * photo[at] + 0.587 * photo[at + 1] + 0.114 * photo[at + 2]) + 76;
      for (let channel = 0; channel < 3; channel += 1) {
        const under = (1 - opacity) * photo[at + channel] + opacity * grey;
        out.data[at + channel] = (1 - alpha) * under + alpha * colour[channel];
      }
      out.data[at + 3] = 255;
    }
    context.putImageData(out, 0, 0);
  };

  const card = async (layer, photo, size) => {
    const canvas = make("canvas");
    [canvas.width, canvas.height] = size;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Map of ${layer.label}: ${layer.note}`);
    const layers = { size: pixels(await load(layer.size)), signed: layer.signed ? pixels(await load(layer.signed)) : null };
    const strip = make("div", "stages");
    for (const stage of layer.stages) {
      const small = new Image();
      small.src = stage.picture;
      small.alt = stage.note;
      strip.append(make("figure", "", small, make("figcaption", "", stage.note)));
    }
    const badge = make("span", "sign", layers.signed ? "signed" : "magnitude only");
    const head = make("div", "head", make("strong", "", layer.label), badge);
    return { canvas, photo, layers, element: make("article", "layer", head, canvas, make("p", "note", layer.note), strip) };
  };

  for (const gallery of document.querySelectorAll(".gallery-reader")) {
    const sources = [...gallery.querySelectorAll("script")];
    const select = gallery.querySelector("select");
    const [previous, next] = [gallery.querySelector(".previous"), gallery.querySelector(".next")];
    const slider = gallery.querySelector("input[type=range]");
    const views = [...gallery.querySelectorAll("input[type=radio]")];
    let cards = [];
    let turn = 0;
    const repaint = () => {
      const view = views.find((one) => one.checked).value;
      for (const one of cards) paint(one, view, slider.valueAsNumber / 100);
    };
    const draw = async () => {
      const [number, mine] = [select.selectedIndex, (turn += 1)];
      previous.disabled = number <= 0;
      next.disabled = number >= sources.length - 1;
      gallery.querySelector(".count").textContent = `${number + 1} of ${sources.length}`;
      const group = JSON.parse(sources[number].textContent);
      const image = await load(group.picture);
      const [photo, size] = [pixels(image), [image.naturalWidth, image.naturalHeight]];
      const made = await Promise.all(group.layers.map((layer) => card(layer, photo, size)));
      if (mine !== turn) return; // The reader has gone on.
      cards = made;
      image.alt = group.label;
      const original = make("article", "layer", make("div", "head", make("strong", "", "picture")), image);
      const chips = group.facts.map(([key, value]) => make("span", "chip", make("span", "key", key), ` ${value}`));
      gallery.querySelector(".group").replaceChildren(
        make("div", "chips", ...chips),
        make("div", "grid", original, ...cards.map((one) => one.element)),
      );
      repaint();
    };
    const step = (by) => {
      select.selectedIndex += by;
      draw();
    };
    previous.addEventListener("click", () => step(-1));
    next.addEventListener("click", () => step(1));
    select.addEventListener("change", draw);
    slider.addEventListener("input", repaint);
    for (const one of views) one.addEventListener("change", repaint);
    draw();
  }
})();
