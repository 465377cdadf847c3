/* Plotly figures in the colours of the page, drawn again when these change. */
(() => {
  "use strict";
  const colour = (name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };

  /* One name, one colour, in all charts of a page; a figure may ask for series-N, ink or muted by name. */
  const SERIES = 7;
  const own = (trace) => trace.fillcolor ?? trace.marker?.color ?? trace.line?.color ?? trace.marker?.colorscale;
  const nameOf = (trace) => trace.legendgroup || trace.name;
  const named = (value) => /^series-([1-7])$/.exec(typeof value === "string" ? value : "");
  const assign = (figures) => {
    const places = new Map();
    for (const { data = [] } of figures) {
      for (const trace of data) if (named(own(trace)) && nameOf(trace)) places.set(nameOf(trace), named(own(trace))[1] - 1);
    }
    const fixed = new Set(places.values());
    return figures.map(({ data = [] }) => {
      const names = [...new Set(data.filter((trace) => nameOf(trace) && own(trace) === undefined).map(nameOf))];
      const here = new Map();
      const used = new Set(data.filter((trace) => named(own(trace))).map((trace) => named(own(trace))[1] - 1));
      for (const name of names) {
        if (places.has(name) && !used.has(places.get(name))) here.set(name, places.get(name));
        if (here.has(name)) used.add(here.get(name));
      }
      for (const name of names.filter((one) => !here.has(one))) {
        // New to the page: a colour that no other name has, or else one that is free in this chart, or else a dotted line.
        const all = [...Array(3 * SERIES).keys()];
        const others = new Set([...fixed, ...places.values()]);
        const place = all.slice(0, SERIES).find((one) => !used.has(one) && !others.has(one)) ?? all.find((one) => !used.has(one)) ?? 0;
        here.set(name, place);
        used.add(place);
        if (!places.has(name)) places.set(name, place);
      }
      return here;
    });
  };
  const painted = (trace, places, series) => {
    const value = own(trace);
    if (named(value) || value === "ink" || value === "muted") {
      const tint = colour(value);
      const done = { ...trace };
      if (trace.fillcolor) done.fillcolor = tint;
      for (const part of ["marker", "line"]) if (trace[part]?.color) done[part] = { ...trace[part], color: tint };
      return done;
    }
    const place = places.get(nameOf(trace));
    if (place === undefined || value !== undefined) return trace;
    const tint = series[place % SERIES];
    const line = { ...trace.line, color: tint, ...(place >= SERIES && { dash: "dot" }) };
    const dressed = { ...trace, marker: { ...trace.marker, color: tint } };
    if (trace.type !== "bar") dressed.line = line;
    if (trace.stackgroup) dressed.fillcolor = tint;
    return dressed;
  };

  const template = (narrow) => {
    const [ink, muted, line, surface, help, hurt, middle] =
      ["ink", "muted", "line", "surface", "scale-help", "scale-hurt", "scale-middle"].map(colour);
    const series = [1, 2, 3, 4, 5, 6, 7].map((number) => colour(`series-${number}`));
    const font = { family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 13, color: ink };
    const axis = {
      gridcolor: line, linecolor: line, zerolinecolor: muted, zerolinewidth: 1, tickcolor: line,
      ticks: "outside", ticklen: 4, automargin: true, title: { standoff: 10, font },
    };
    const bar = { outlinewidth: 0, thickness: 12, ticks: "", len: 0.9 };
    const scaled = { colorbar: bar };
    return {
      layout: {
        paper_bgcolor: surface,
        plot_bgcolor: surface,
        font,
        colorway: series,
        colorscale: {
          diverging: [[0, help], [0.5, middle], [1, hurt]],
          sequential: [[0, middle], [1, help]],
          sequentialminus: [[0, hurt], [1, middle]],
        },
        hoverlabel: { bgcolor: surface, bordercolor: muted, font: { ...font, size: 13 }, align: "left" },
        xaxis: axis,
        yaxis: axis,
        coloraxis: scaled,
        legend: { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
        margin: { l: narrow ? 44 : 60, r: 16, t: 36, b: 48 },
        // Buttons and sliders of animations have no colours of their own.
        updatemenudefaults: { bgcolor: surface, bordercolor: line, font, showactive: false },
        sliderdefaults: { bgcolor: line, bordercolor: line, activebgcolor: muted, tickcolor: muted, font },
        shapedefaults: { line: { color: muted } },
        ternary: { bgcolor: surface, aaxis: axis, baxis: axis, caxis: axis },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: ink },
        hovermode: "closest",
        bargap: 0.25,
        // A drag on a touch screen scrolls the page.
        dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      },
      data: {
        bar: [{ marker: { line: { width: 0 } } }],
        heatmap: [scaled],
        scatter: [{ marker: { size: 7 }, line: { width: 2 } }],
      },
    };
  };

  const config = {
    responsive: true,
    displaylogo: false,
    plotlyServerURL: "",
    // Named one by one: what Plotly would add by itself includes a button that sends the chart to a server.
    modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]],
    toImageButtonOptions: { format: "svg" },
  };
  const plots = [...document.querySelectorAll(".plot")].map((plot) => [plot, plot.closest("section").querySelector(".figure")]);
  const places = assign(plots.map(([, source]) => JSON.parse(source.textContent)));
  /* Few steps: an axis of whole numbers has no ticks between them. */
  const whole = (data, layout) => {
    const values = data.filter((trace) => trace.type === "scatter" && !trace.xaxis).flatMap((trace) => trace.x ?? []);
    const ends = [Math.min(...values), Math.max(...values)];
    const few = values.length > 0 && values.every(Number.isInteger) && ends[1] - ends[0] <= 12;
    const { type, tickvals, dtick } = layout.xaxis ?? {};
    return few && !type && !tickvals && !dtick ? { xaxis: { ...layout.xaxis, dtick: 1 } } : {};
  };
  const draw = () => {
    const series = [1, 2, 3, 4, 5, 6, 7].map((number) => colour(`series-${number}`));
    for (const [number, [plot, source]] of plots.entries()) {
      const { data: given = [], layout = {}, frames } = JSON.parse(source.textContent);
      const data = given.map((trace) => painted(trace, places[number], series));
      const narrow = plot.clientWidth < 520;
      const look = { ...layout, ...whole(data, layout), template: template(narrow), autosize: true };
      plot.style.height = `${look.height || 400}px`;
      const options = { ...config, displayModeBar: narrow ? false : "hover" };
      Plotly.react(plot, { data, layout: look, config: options, ...(frames && { frames }) });
    }
  };
  draw();
  document.addEventListener("themechange", draw);
  matchMedia("print").addEventListener("change", draw); // paper is light, whatever the screen is
})();
