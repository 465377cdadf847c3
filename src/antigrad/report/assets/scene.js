/* Scenes that play: traffic from above, and quantities over time below it. One scene at a time is drawn. */
(() => {
  "use strict";
  const NAMES = {
    ego: ["--series-3", "ego"],
    adversary: ["--series-4", "adversary"],
    other: ["--series-7", "others"],
    escape: ["--series-1", "escape that was open"],
  };
  const SPAN = 90; // m across at the start
  const LANE = 62; // CSS pixels of a quantity on the timeline
  const LEFT = 8;

  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };
  const probe = make("span");
  probe.hidden = true;
  document.body.append(probe);
  const ink = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

  /* Pose of a track at a step that may lie between two; null where the road user is not there. */
  const pose = (track, step) => {
    const before = Math.floor(step), after = Math.min(Math.ceil(step), track[0].length - 1);
    const [a, b] = [before, after].map((at) => track.map((part) => part[at]));
    if (a[0] == null) return null;
    if (b[0] == null) return [a[0] / 100, a[1] / 100, a[2] / 1000];
    const share = step - before;
    const turn = ((b[2] - a[2] + 3 * 3141.592654) % 6283.185307) - 3141.592654;
    return [(a[0] + share * (b[0] - a[0])) / 100, (a[1] + share * (b[1] - a[1])) / 100, (a[2] + share * turn) / 1000];
  };

  /* A canvas as wide as its box, in device pixels; drawing is in CSS pixels. */
  const sized = (canvas, height) => {
    const width = Math.max(1, canvas.clientWidth), ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      canvas.style.height = `${height}px`;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return [pen, width, height];
  };

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
        drawView();
        drawLines();
      });
    };

    const centre = () => {
      const followed = actor(find(".camera").value);
      const at = followed && pose(followed.now, state.step);
      if (at) state.camera = at;
      return [state.camera[0] + state.pan[0], state.camera[1] + state.pan[1]];
    };

    const drawView = () => {
      const [pen, width, height] = sized(view, Math.round(clamp(view.clientWidth * 0.55, 300, 0.7 * innerHeight)));
      const [middle, size, scene] = [centre(), scale(), state.scene];
      const to = (x, y) => [width / 2 + (x - middle[0]) * size, height / 2 - (y - middle[1]) * size];
      const trace = (points, closed) => {
        pen.beginPath();
        for (let at = 0; at < points.length; at += 2) {
          const [x, y] = to(points[at] / 100, points[at + 1] / 100);
          if (at) pen.lineTo(x, y);
          else pen.moveTo(x, y);
        }
        if (closed) pen.closePath();
      };
      pen.fillStyle = ink("--soft");
      for (const area of scene.areas) {
        trace(area, true);
        pen.fill();
      }
      [pen.strokeStyle, pen.lineWidth, pen.lineJoin] = [ink("--muted"), 1, "round"];
      pen.globalAlpha = 0.55;
      for (const edge of scene.edges) {
        trace(edge, false);
        pen.stroke();
      }
      pen.globalAlpha = 1;

      const path = (track, dash) => {
        pen.beginPath();
        let on = false;
        for (let at = 0; at < track[0].length; at += 1) {
          if (track[0][at] == null) on = false;
          else {
            const [x, y] = to(track[0][at] / 100, track[1][at] / 100);
            if (on) pen.lineTo(x, y);
            else pen.moveTo(x, y);
            on = true;
          }
        }
        [pen.lineWidth, pen.globalAlpha] = [1.5, 0.75];
        pen.setLineDash(dash);
        pen.stroke();
        pen.setLineDash([]);
        pen.globalAlpha = 1;
      };
      const box = (one, at, filled) => {
        const [x, y] = to(at[0], at[1]);
        const [long, wide] = [Math.max(3, one.length * size), Math.max(2, one.width * size)];
        pen.save();
        pen.translate(x, y);
        pen.rotate(-at[2]);
        if (filled) {
          pen.fillRect(-long / 2, -wide / 2, long, wide);
          if (one.role === "ego" || one.role === "adversary") {
            pen.fillStyle = ink("--surface"); // which way it goes
            pen.beginPath();
            pen.moveTo(long * 0.42, 0);
            pen.lineTo(long * 0.18, wide * 0.34);
            pen.lineTo(long * 0.18, -wide * 0.34);
            pen.fill();
          }
        } else {
          pen.lineWidth = 1.5;
          pen.setLineDash(one.role === "escape" ? [] : [4, 3]);
          pen.strokeRect(-long / 2, -wide / 2, long, wide);
          pen.setLineDash([]);
        }
        pen.restore();
        return [x, y];
      };

      const outline = (one, at) => {
        const [x, y] = to(at[0], at[1]);
        pen.save();
        pen.translate(x, y);
        pen.rotate(-at[2]);
        [pen.strokeStyle, pen.lineWidth] = [ink("--bad"), 3];
        pen.strokeRect((-one.length * size) / 2, (-one.width * size) / 2, one.length * size, one.width * size);
        pen.restore();
      };

      const order = { other: 0, escape: 1, adversary: 2, ego: 3 };
      const actors = [...scene.actors].sort((a, b) => order[a.role] - order[b.role]);
      const shown = { paths: find(".show-paths").checked, before: find(".show-before").checked, escape: find(".show-escape").checked };
      for (const one of actors) {
        if (one.role === "escape" && !shown.escape) continue;
        pen.strokeStyle = pen.fillStyle = ink(NAMES[one.role][0]);
        if (one.role !== "other" && shown.paths) {
          path(one.now, []);
          if (shown.before) path(one.before, [2, 4]);
        }
      }
      const struck = scene.marks.some((mark) => mark.tone === "bad" && state.step * scene.dt >= mark.at - 1e-6);
      const names = [];
      for (const one of actors) {
        if (one.role === "escape" && !shown.escape) continue;
        pen.strokeStyle = pen.fillStyle = ink(NAMES[one.role][0]);
        const [now, then] = [one.now, one.before].map((track) => (track[0].length ? pose(track, state.step) : null));
        const same = now && then && Math.hypot(now[0] - then[0], now[1] - then[1]) < 0.1;
        if (then && shown.before && !same) box(one, then, false);
        if (!now) continue;
        const named = one.role === "ego" || one.role === "adversary";
        const at = box(one, now, one.role !== "escape");
        if (named) names.push({ text: one.label, at, role: one.role });
        if (named && struck) outline(one, now);
      }
      pen.font = `600 12px ${getComputedStyle(view).fontFamily}`;
      [pen.textAlign, pen.textBaseline] = ["center", "middle"];
      for (const { text, at, role } of names) {
        // Names stand on the side that is turned away from the other.
        const other = names.find((one) => one.role !== role);
        const away = other ? [at[0] - other.at[0], at[1] - other.at[1]] : [0, -1];
        const far = Math.hypot(...away) || 1;
        const push = 16 + 2.4 * size + (Math.abs(away[0]) / far) * pen.measureText(text).width * 0.5;
        const place = [at[0] + (away[0] / far) * push, at[1] + (away[1] / far) * push];
        [pen.lineWidth, pen.strokeStyle] = [4, ink("--surface")];
        pen.strokeText(text, ...place);
        pen.fillStyle = ink(NAMES[role][0]);
        pen.fillText(text, ...place);
      }
      [pen.textAlign, pen.textBaseline] = ["left", "alphabetic"];
      ruler(pen, size, height);
      view.setAttribute("aria-label", `${scene.label} from above at ${time(state.step)}`);
    };

    const ruler = (pen, size, height) => {
      const metres = [1, 2, 5, 10, 20, 50, 100, 200].find((one) => one * size > 56) || 500;
      [pen.strokeStyle, pen.fillStyle, pen.lineWidth] = [ink("--muted"), ink("--muted"), 1.5];
      pen.beginPath();
      pen.moveTo(12, height - 18);
      pen.lineTo(12, height - 12);
      pen.lineTo(12 + metres * size, height - 12);
      pen.lineTo(12 + metres * size, height - 18);
      pen.stroke();
      pen.font = `12px ${getComputedStyle(view).fontFamily}`;
      pen.fillText(`${metres} m`, 18, height - 18);
    };

    const time = (step) => `${(step * state.scene.dt).toFixed(1)} s`;
    const across = (step, width) => LEFT + ((width - 2 * LEFT) * step) / Math.max(1, ends());

    const drawLines = () => {
      const { scene } = state;
      const head = 17 * scene.marks.length + 4;
      const [pen, width, height] = sized(line, head + LANE * scene.lines.length + 20);
      pen.font = `12px ${getComputedStyle(line).fontFamily}`;
      scene.lines.forEach((one, number) => lane(pen, one, head + number * LANE, width, number));
      scene.marks.forEach((mark, number) => {
        const x = across(mark.at / scene.dt, width);
        pen.strokeStyle = pen.fillStyle = ink(mark.tone === "neutral" ? "--muted" : `--${mark.tone}`);
        [pen.lineWidth, pen.textAlign] = [1.25, x > width * 0.6 ? "right" : "left"];
        pen.setLineDash([3, 3]);
        pen.beginPath();
        pen.moveTo(x, 17 * number + 4);
        pen.lineTo(x, height - 18);
        pen.stroke();
        pen.setLineDash([]);
        pen.fillText(`${mark.label} ${mark.at.toFixed(1)} s`, x + (pen.textAlign === "left" ? 5 : -5), 17 * number + 14);
      });
      pen.fillStyle = ink("--muted");
      const seconds = Math.max(1, Math.ceil((ends() * scene.dt * 44) / width));
      for (let at = 0; at * scene.dt <= ends() * scene.dt; at += seconds / scene.dt) {
        pen.textAlign = at ? "center" : "left";
        if (across(at, width) < width - 8) pen.fillText(`${Math.round(at * scene.dt)} s`, across(at, width), height - 5);
      }
      pen.textAlign = "left";
      const x = across(state.step, width);
      [pen.strokeStyle, pen.lineWidth] = [ink("--ink"), 1.5];
      pen.beginPath();
      pen.moveTo(x, head - 4);
      pen.lineTo(x, height - 18);
      pen.stroke();
    };

    const lane = (pen, one, top, width, number) => {
      const every = [...one.values, ...one.before].filter((value) => value != null);
      let [low, high] = [Math.min(0, ...every), Math.max(0, ...every)];
      if (high - low < 1e-9) high = low + 1;
      const y = (value) => top + LANE - 6 - ((LANE - 26) * (value - low)) / (high - low);
      [pen.strokeStyle, pen.lineWidth] = [ink("--line"), 1];
      pen.beginPath();
      pen.moveTo(LEFT, y(0));
      pen.lineTo(width - LEFT, y(0));
      pen.stroke();
      const stroke = (values, dash, colour) => {
        pen.beginPath();
        let on = false;
        values.forEach((value, at) => {
          if (value == null) on = false;
          else if (on) pen.lineTo(across(at, width), y(value));
          else pen.moveTo(across(at, width), y(value));
          on = value != null;
        });
        [pen.strokeStyle, pen.lineWidth] = [colour, 1.75];
        pen.setLineDash(dash);
        pen.stroke();
        pen.setLineDash([]);
      };
      if (find(".show-before").checked) stroke(one.before, [2, 4], ink("--muted"));
      stroke(one.values, [], ink(`--series-${[4, 5, 1, 2][number % 4]}`));
      const now = one.values[Math.round(state.step)];
      pen.fillStyle = ink("--ink");
      pen.textAlign = "left";
      const figure = now == null ? "–" : `${now.toFixed(one.unit ? 2 : 0).replace(/^-(?=.*[1-9])/, "−").replace("-", "")}${one.unit ? ` ${one.unit}` : ""}`;
      const label = `${one.label}: ${figure}`;
      [pen.strokeStyle, pen.lineWidth] = [ink("--surface"), 3];
      pen.strokeText(label, LEFT, top + 12);
      pen.fillText(label, LEFT, top + 12);
    };

    const seek = (step) => {
      state.step = clamp(step, 0, ends());
      scrub.value = String(Math.round(state.step));
      scrub.setAttribute("aria-valuetext", time(state.step));
      find(".time").textContent = time(state.step);
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
