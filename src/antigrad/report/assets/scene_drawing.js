/* Drawing scenes: traffic from above at a step, and quantities over time. What the reader does is in scene.js. */
(() => {
  "use strict";
  const NAMES = {
    ego: ["--series-3", "ego"],
    adversary: ["--series-4", "adversary"],
    other: ["--series-7", "others"],
    escape: ["--series-1", "escape that was open"],
  };
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

  /* Traffic from above at a step: `look` has the middle in m, the pixels of a metre, and what is shown. */
  const drawView = (view, scene, step, look) => {
    const [pen, width, height] = sized(view, Math.round(clamp(view.clientWidth * 0.55, 300, 0.7 * innerHeight)));
    const { middle, size, shown } = look;
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
    for (const one of actors) {
      if (one.role === "escape" && !shown.escape) continue;
      pen.strokeStyle = pen.fillStyle = ink(NAMES[one.role][0]);
      if (one.role !== "other" && shown.paths) {
        path(one.now, []);
        if (shown.before) path(one.before, [2, 4]);
      }
    }
    const struck = scene.marks.some((mark) => mark.tone === "bad" && step * scene.dt >= mark.at - 1e-6);
    const names = [];
    for (const one of actors) {
      if (one.role === "escape" && !shown.escape) continue;
      pen.strokeStyle = pen.fillStyle = ink(NAMES[one.role][0]);
      const [now, then] = [one.now, one.before].map((track) => (track[0].length ? pose(track, step) : null));
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
    ruler(view, pen, size, height);
    view.setAttribute("aria-label", `${scene.label} from above at ${time(scene, step)}`);
  };

  const ruler = (view, pen, size, height) => {
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

  const time = (scene, step) => `${(step * scene.dt).toFixed(1)} s`;
  const across = (scene, step, width) => LEFT + ((width - 2 * LEFT) * step) / Math.max(1, scene.steps - 1);

  /* Quantities over time, one below the other, with the moments that are marked and the step on show. */
  const drawLines = (line, scene, step, showBefore) => {
    const head = 17 * scene.marks.length + 4;
    const [pen, width, height] = sized(line, head + LANE * scene.lines.length + 20);
    pen.font = `12px ${getComputedStyle(line).fontFamily}`;
    scene.lines.forEach((one, number) => lane(pen, scene, one, { top: head + number * LANE, width, number, step, showBefore }));
    scene.marks.forEach((mark, number) => {
      const x = across(scene, mark.at / scene.dt, width);
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
    const seconds = Math.max(1, Math.ceil(((scene.steps - 1) * scene.dt * 44) / width));
    for (let at = 0; at * scene.dt <= (scene.steps - 1) * scene.dt; at += seconds / scene.dt) {
      pen.textAlign = at ? "center" : "left";
      if (across(scene, at, width) < width - 8) pen.fillText(`${Math.round(at * scene.dt)} s`, across(scene, at, width), height - 5);
    }
    pen.textAlign = "left";
    const x = across(scene, step, width);
    [pen.strokeStyle, pen.lineWidth] = [ink("--ink"), 1.5];
    pen.beginPath();
    pen.moveTo(x, head - 4);
    pen.lineTo(x, height - 18);
    pen.stroke();
  };

  const lane = (pen, scene, one, { top, width, number, step, showBefore }) => {
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
        else if (on) pen.lineTo(across(scene, at, width), y(value));
        else pen.moveTo(across(scene, at, width), y(value));
        on = value != null;
      });
      [pen.strokeStyle, pen.lineWidth] = [colour, 1.75];
      pen.setLineDash(dash);
      pen.stroke();
      pen.setLineDash([]);
    };
    if (showBefore) stroke(one.before, [2, 4], ink("--muted"));
    stroke(one.values, [], ink(`--series-${[4, 5, 1, 2][number % 4]}`));
    const now = one.values[Math.round(step)];
    pen.fillStyle = ink("--ink");
    pen.textAlign = "left";
    const figure = now == null ? "–" : `${now.toFixed(one.unit ? 2 : 0).replace(/^-(?=.*[1-9])/, "−").replace("-", "")}${one.unit ? ` ${one.unit}` : ""}`;
    const label = `${one.label}: ${figure}`;
    [pen.strokeStyle, pen.lineWidth] = [ink("--surface"), 3];
    pen.strokeText(label, LEFT, top + 12);
    pen.fillText(label, LEFT, top + 12);
  };

  globalThis.sceneDrawing = { NAMES, LEFT, make, clamp, pose, time, drawView, drawLines };
})();
