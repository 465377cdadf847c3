/* Coloured tokens: one question at a time; hover or the arrow keys show what is known of a token. */
(() => {
  "use strict";
  const BADGES = { correct: "✓ correct", wrong: "✗ wrong", excluded: "○ excluded" };
  const SPECIAL = /^ |[\n\t\r]|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
  const NAMES = { " ": "space", "\n": "newline", "\t": "tab" };
  const tip = document.getElementById("tip");

  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };

  /* The text stays as it is, so that copying gives the true text; CSS draws the symbol beside it. */
  const spell = (token, text) => {
    let last = 0;
    for (const match of text.matchAll(SPECIAL)) {
      token.append(text.slice(last, match.index));
      const mark = make("span", NAMES[match[0]] || "control", match[0]);
      const code = match[0].charCodeAt(0);
      if (mark.className === "control") mark.dataset.symbol = String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
      token.append(mark);
      last = match.index + 1;
    }
    token.append(text.slice(last));
  };

  const place = (token) => {
    const at = token.getClientRects()[0] || token.getBoundingClientRect();
    const { width, height } = tip.getBoundingClientRect();
    const above = at.top - height - 8;
    tip.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8))}px`;
    tip.style.top = `${above > 56 ? above : at.bottom + 8}px`;
  };
  let shown = null;
  const hide = () => {
    tip.hidden = true;
    shown?.removeAttribute("aria-describedby");
    shown = null;
  };
  const show = (token, response, number, markLabel) => {
    hide();
    const list = make("dl");
    response.tipKeys.forEach((key, column) => {
      const value = response.tips[number][column];
      if (value !== null) list.append(make("dt", "", key), make("dd", "", value));
    });
    tip.replaceChildren(make("p", "text", JSON.stringify(response.texts[number])), list);
    if (token.classList.contains("marked")) tip.append(make("p", "mark", markLabel));
    token.setAttribute("aria-describedby", "tip");
    shown = token;
    tip.hidden = false;
    place(token);
  };

  const legend = (group, valueLabel, markLabel, positive) => {
    const row = make("div", "legend");
    if (group.high !== null) {
      const bar = make("span", `${group.low === null ? "ramp half" : "ramp"} ${positive}`);
      const ends = [make("span", "end", group.low === null ? "0" : group.low), bar, make("span", "end", group.high)];
      row.append(make("span", "scale", make("span", "name", valueLabel), ...ends));
      if (group.threshold !== null && (group.low !== null || group.threshold >= 0)) {
        const tick = make("i", "tick");
        const [from, width] = group.low === null ? [0, 1] : [-1, 2];
        tick.style.left = `${(100 * (group.threshold - from)) / width}%`;
        bar.append(tick);
        row.append(make("span", "", make("i", "tick sample"), ` threshold ${group.thresholdText}`));
      }
    }
    if (markLabel) row.append(make("span", "", make("span", "tok marked", "token"), ` ${markLabel}`));
    return row;
  };

  const answer = (response, markLabel, positive) => {
    const text = make("div", "answer");
    text.setAttribute("role", "group");
    text.setAttribute("aria-label", `Tokens of ${response.label}: move with the arrow keys`);
    const marked = new Set(response.marked);
    const tokens = response.texts.map((content, number) => {
      const token = make("span", marked.has(number) ? "tok marked" : "tok");
      const share = response.shares[number];
      if (share) {
        token.classList.add(share > 0 === (positive === "hurts") ? "hurts" : "helps");
        token.style.setProperty("--strength", Math.abs(share));
      }
      token.tabIndex = number === 0 ? 0 : -1;
      spell(token, content);
      return token;
    });
    text.append(...tokens);
    const index = new Map(tokens.map((token, number) => [token, number]));
    const reveal = (event) => {
      const token = event.target.closest(".tok");
      if (token && token !== shown) show(token, response, index.get(token), markLabel);
    };
    // Not pointerover: the arrow keys scroll the page, and a resting mouse is then over another token.
    text.addEventListener("pointermove", reveal);
    text.addEventListener("focusin", reveal);
    text.addEventListener("pointerleave", () => shown !== document.activeElement && hide());
    text.addEventListener("focusout", hide);
    text.addEventListener("keydown", (event) => {
      const number = index.get(document.activeElement);
      const last = tokens.length - 1;
      const goals = { ArrowLeft: Math.max(0, number - 1), ArrowRight: Math.min(last, number + 1), Home: 0, End: last };
      if (!(event.key in goals)) return;
      event.preventDefault();
      tokens[number].tabIndex = -1;
      tokens[goals[event.key]].tabIndex = 0;
      tokens[goals[event.key]].focus();
    });

    const count = response.texts.length;
    const size = `${count} token${count === 1 ? "" : "s"}${marked.size ? `, ${marked.size} marked` : ""}`;
    const head = make("div", "head", make("strong", "", response.label));
    if (response.tag) head.prepend(make("span", `badge ${response.tag}`, BADGES[response.tag]));
    if (response.note) head.append(make("span", "note", response.note));
    head.append(make("span", "size", size));
    return make("article", "response", head, text);
  };

  for (const reader of document.querySelectorAll(".reader")) {
    const sources = [...reader.querySelectorAll("script")];
    const select = reader.querySelector("select");
    const [previous, next] = [reader.querySelector(".previous"), reader.querySelector(".next")];
    const { valueLabel, markLabel, positive } = reader.dataset;
    const draw = () => {
      hide();
      const number = select.selectedIndex;
      previous.disabled = number <= 0;
      next.disabled = number >= sources.length - 1;
      reader.querySelector(".count").textContent = `${number + 1} of ${sources.length}`;
      if (number < 0) return;
      const group = JSON.parse(sources[number].textContent);
      const chips = group.facts.map(([key, value]) => make("span", "chip", make("span", "key", key), ` ${value}`));
      reader.querySelector(".group").replaceChildren(
        make("div", "prompt", make("p", "name", "Prompt"), make("div", "words", group.prompt)),
        make("div", "chips", ...chips),
        legend(group, valueLabel, markLabel, positive),
        ...group.responses.map((response) => answer(response, markLabel, positive)),
      );
    };
    const step = (by) => {
      select.selectedIndex += by;
      draw();
    };
    previous.addEventListener("click", () => step(-1));
    next.addEventListener("click", () => step(1));
    select.addEventListener("change", draw);
    draw();
  }
  addEventListener("scroll", () => shown && place(shown), { passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
