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
  const draw = () => {
    for (const [plot, source] of plots) {
      const { data = [], layout = {}, frames } = JSON.parse(source.textContent);
      const narrow = plot.clientWidth < 520;
      const look = { ...layout, template: template(narrow), autosize: true };
      plot.style.height = `${look.height || 400}px`;
      const options = { ...config, displayModeBar: narrow ? false : "hover" };
      Plotly.react(plot, { data, layout: look, config: options, ...(frames && { frames }) });
    }
  };
  draw();
  document.addEventListener("themechange", draw);
})();
