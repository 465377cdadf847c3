/* Light and dark: the reader's system decides until the button is pressed. Copying, and the section on show. */
(() => {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const announce = () => document.dispatchEvent(new Event("themechange"));

  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (system.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    announce();
  });
  system.addEventListener("change", announce);

  // Paper is white: charts carry their colours in themselves, so they change before and after printing.
  let kept;
  addEventListener("beforeprint", () => {
    kept = root.dataset.theme || "";
    root.dataset.theme = "light";
    announce();
  });
  addEventListener("afterprint", () => {
    if (kept) root.dataset.theme = kept;
    else delete root.dataset.theme;
    announce();
  });

  for (const button of document.querySelectorAll(".copy")) {
    const block = button.closest(".panel").querySelector("pre");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block);
        button.textContent = "Selected: press Ctrl+C";
      }
      setTimeout(() => (button.textContent = "Copy YAML"), 2500);
    });
  }

  const links = new Map([...document.querySelectorAll(".links a")].map((link) => [link.hash.slice(1), link]));
  const strip = document.querySelector(".links");
  const mark = () => {
    const line = innerHeight / 3;
    const atEnd = innerHeight + scrollY >= root.scrollHeight - 4;
    let current = null;
    for (const id of links.keys()) {
      if (atEnd || document.getElementById(id).getBoundingClientRect().top < line) current = id;
    }
    for (const [id, link] of links) {
      if (id !== current) link.removeAttribute("aria-current");
      else if (!link.hasAttribute("aria-current")) {
        link.setAttribute("aria-current", "true");
        strip.scrollLeft = link.offsetLeft - strip.offsetLeft - strip.clientWidth / 3;
      }
    }
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
})();
