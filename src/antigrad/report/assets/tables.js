/* Tables: a click on a heading sorts, the box and the lists above filter. */
(() => {
  "use strict";
  const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const plain = (text) => text.toLowerCase().replaceAll("−", "-");

  const compare = (column, isText, sign) => (left, right) => {
    const a = left.cells[column], b = right.cells[column];
    if (isText) return sign * words.compare(a.textContent, b.textContent);
    // A cell without a number stays last in both directions.
    if (!("key" in a.dataset) || !("key" in b.dataset)) return ("key" in b.dataset) - ("key" in a.dataset);
    const x = Number(a.dataset.key.replace("inf", "Infinity")), y = Number(b.dataset.key.replace("inf", "Infinity"));
    return x === y ? 0 : sign * (x < y ? -1 : 1);
  };

  for (const section of document.querySelectorAll("section.table")) {
    const body = section.querySelector("tbody");
    const heads = [...section.querySelectorAll("th")];
    const rows = [...body.rows];
    const texts = rows.map((row) => plain([...row.cells].map((cell) => cell.textContent).join(" ")));
    const count = section.querySelector(".count");
    const box = section.querySelector("input");

    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const other of heads) other.setAttribute("aria-sort", other === head ? order : "none");
      const sign = order === "ascending" ? 1 : -1;
      body.append(...[...rows].sort(compare(column, head.classList.contains("text"), sign)));
    }));

    const choices = [...section.querySelectorAll(".filter select")];

    const filter = () => {
      const wanted = plain(box.value).split(/\s+/).filter(Boolean);
      const chosen = choices.filter((one) => one.value).map((one) => [Number(one.dataset.column), one.value.slice(1)]);
      let left = 0;
      rows.forEach((row, number) => {
        row.hidden = !wanted.every((word) => texts[number].includes(word))
          || !chosen.every(([column, value]) => row.cells[column].textContent === value);
        left += !row.hidden;
      });
      count.textContent = `${left} of ${rows.length} rows`;
      section.querySelector(".empty").hidden = left > 0;
    };
    const wide = section.querySelector(".columns-more");
    const scroll = section.querySelector(".scroll");
    const cells = heads.map((_, place) => [heads[place], ...rows.map((row) => row.cells[place])]);
    const fold = () => {
      // What does not fit waits behind the button, from the right; on a phone a table is moved with a finger instead.
      for (const cell of cells.flat()) cell.classList.remove("folded");
      if (section.classList.contains("wide")) return;
      const phone = matchMedia("(max-width: 760px)").matches;
      for (let place = heads.length - 1; !phone && place > 1 && scroll.scrollWidth > scroll.clientWidth; place--) {
        for (const cell of cells[place]) cell.classList.add("folded");
      }
      wide.hidden = !section.querySelector("th:is(.more, .folded)");
    };
    addEventListener("resize", fold);
    wide.addEventListener("click", () => {
      const open = section.classList.toggle("wide");
      wide.setAttribute("aria-pressed", open);
      wide.textContent = open ? "Fewer columns" : "More columns";
      fold();
    });
    box.addEventListener("input", filter);
    for (const one of choices) one.addEventListener("change", filter);
    filter();
    fold();
  }
})();
