/* Scenes that play: one scene at a time; the reader stops, scrubs, zooms. Drawing is in scene_drawing.js. */
(() => {
  "use strict";
  const { NAMES, LEFT, make, clamp, pose, time, drawView, drawLines } = globalThis.sceneDrawing;
  const SPAN = 90; // m across at the start

  const start = (reader) => {
    const find = (name) => reader.querySelector(name);
    const sources = [...reader.querySelectorAll("script")];
    const [view, line, scrub, play, select] = [".view", ".timeline", ".scrub", ".play", ".which"].map(find);
    const state = { step: 0, playing: false, zoom: 1, pan: [0, 0], scene: null, last: 0, camera: [0, 0] };
    const fingers = new Map();
    let waiting = false;

    const actor = (role) => state.scene.actors.find((one) => one.role === role);
    const ends = () => state.scene.steps - 1;
    const scale = () => (state.zoom * view.clientWidth) / Math.min(SPAN, Math.max(40, view.clientWidth / 8));

    const paint = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        const shown = { paths: find(".show-paths").checked, before: find(".show-before").checked, escape: find(".show-escape").checked };
        drawView(view, state.scene, state.step, { middle: centre(), size: scale(), shown });
        drawLines(line, state.scene, state.step, shown.before);
      });
    };

    const centre = () => {
      const followed = actor(find(".camera").value);
      const at = followed && pose(followed.now, state.step);
      if (at) state.camera = at;
      return [state.camera[0] + state.pan[0], state.camera[1] + state.pan[1]];
    };

    const seek = (step) => {
      state.step = clamp(step, 0, ends());
      scrub.value = String(Math.round(state.step));
      scrub.setAttribute("aria-valuetext", time(state.scene, state.step));
      find(".time").textContent = time(state.scene, state.step);
      reader.dataset.step = String(Math.round(state.step));
      paint();
    };
    const run = (on) => {
      state.playing = on;
      reader.dataset.playing = String(on);
      play.textContent = on ? "❚❚" : "▶";
      play.setAttribute("aria-pressed", String(on));
      play.setAttribute("aria-label", on ? "Pause" : "Play");
      if (!on) return;
      if (state.step >= ends()) seek(0);
      state.last = performance.now();
      requestAnimationFrame(tick);
    };
    const tick = (now) => {
      if (!state.playing) return;
      const passed = Math.min(0.25, (now - state.last) / 1000) * Number(find(".speed").value);
      state.last = now;
      seek(state.step + passed / state.scene.dt);
      if (state.step >= ends()) run(false);
      else requestAnimationFrame(tick);
    };
    const zoom = (factor) => {
      state.zoom = clamp(state.zoom * factor, 0.15, 12);
      reader.dataset.zoom = state.zoom.toFixed(2);
      paint();
    };
    const move = (dx, dy) => {
      state.pan = [state.pan[0] - dx / scale(), state.pan[1] + dy / scale()];
      paint();
    };
    const reset = () => {
      [state.zoom, state.pan] = [1, [0, 0]];
      zoom(1);
    };

    const open = (number) => {
      run(false);
      select.selectedIndex = number;
      find(".previous").disabled = number <= 0;
      find(".next").disabled = number >= sources.length - 1;
      find(".count").textContent = `${number + 1} of ${sources.length}`;
      state.scene = JSON.parse(sources[number].textContent);
      const { scene } = state;
      scrub.max = String(ends());
      const verdict = find(".verdict");
      verdict.className = `verdict ${scene.tone}`;
      verdict.textContent = scene.verdict;
      find(".chips").replaceChildren(
        ...scene.facts.map(([key, value]) => make("span", "chip", make("span", "key", key), ` ${value}`)),
      );
      const roles = Object.keys(NAMES).filter((role) => scene.actors.some((one) => one.role === role));
      find(".who").replaceChildren(
        ...roles.map((role) => {
          const swatch = make("i");
          swatch.style.background = `var(${NAMES[role][0]})`;
          return make("span", "", swatch, NAMES[role][1]);
        }),
        make("span", "", make("i", "dashed"), "as recorded"),
      );
      const first = actor("ego") || scene.actors[0];
      state.camera = pose(first.now, scene.start) || [0, 0];
      reset();
      seek(scene.start);
    };

    view.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      view.setPointerCapture(event.pointerId);
    });
    view.addEventListener("pointermove", (event) => {
      const was = fingers.get(event.pointerId);
      if (!was) return;
      const other = [...fingers].find(([id]) => id !== event.pointerId);
      const here = [event.clientX, event.clientY];
      const far = (from) => Math.hypot(from[0] - other[1][0], from[1] - other[1][1]);
      const half = other ? 2 : 1; // Of two fingers each moves the middle by half.
      move((here[0] - was[0]) / half, (here[1] - was[1]) / half);
      if (other && far(was) > 0) zoom(far(here) / far(was));
      fingers.set(event.pointerId, here);
    });
    for (const name of ["pointerup", "pointercancel"]) view.addEventListener(name, (event) => fingers.delete(event.pointerId));
    view.addEventListener("dblclick", reset);
    view.addEventListener("wheel", (event) => {
      // The page scrolls on, unless the picture was chosen first.
      if (!event.ctrlKey && document.activeElement !== view) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400));
    }, { passive: false });
    const keys = {
      " ": () => run(!state.playing),
      Home: () => seek(0),
      End: () => seek(ends()),
      PageUp: () => seek(Math.round(state.step) - 10),
      PageDown: () => seek(Math.round(state.step) + 10),
      ArrowLeft: (shift) => (shift ? move(40, 0) : seek(Math.round(state.step) - 1)),
      ArrowRight: (shift) => (shift ? move(-40, 0) : seek(Math.round(state.step) + 1)),
      ArrowUp: (shift) => shift && move(0, 40),
      ArrowDown: (shift) => shift && move(0, -40),
      "+": () => zoom(1.25),
      "-": () => zoom(0.8),
      0: reset,
    };
    view.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
      if (/^Arrow(Up|Down)$/.test(event.key) && !event.shiftKey) return; // the page scrolls
      event.preventDefault();
      if (event.key !== " ") run(false);
      act(event.shiftKey);
    });

    const drag = (event) => {
      if (!event.buttons) return;
      run(false);
      const box = line.getBoundingClientRect();
      seek(Math.round((ends() * (event.clientX - box.left - LEFT)) / Math.max(1, box.width - 2 * LEFT)));
    };
    line.addEventListener("pointerdown", (event) => {
      line.setPointerCapture(event.pointerId);
      drag(event);
    });
    line.addEventListener("pointermove", drag);
    scrub.addEventListener("input", () => {
      run(false);
      seek(scrub.valueAsNumber);
    });
    play.addEventListener("click", () => run(!state.playing));
    find(".in").addEventListener("click", () => zoom(1.4));
    find(".out").addEventListener("click", () => zoom(1 / 1.4));
    find(".reset").addEventListener("click", reset);
    find(".previous").addEventListener("click", () => open(select.selectedIndex - 1));
    find(".next").addEventListener("click", () => open(select.selectedIndex + 1));
    select.addEventListener("change", () => open(select.selectedIndex));
    for (const box of reader.querySelectorAll("input[type=checkbox]")) box.addEventListener("change", paint);
    find(".camera").addEventListener("change", () => {
      state.pan = [0, 0];
      paint();
    });
    document.addEventListener("themechange", paint);
    new ResizeObserver(paint).observe(view);
    open(0);
  };

  for (const reader of document.querySelectorAll(".scene-reader")) start(reader);
})();
