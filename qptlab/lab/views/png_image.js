// The front end of qptlab.lab.views.small_widgets.PngImage: a picture that is exchanged without a flicker.
function render({ model, el }) {
  const image = document.createElement("img");
  image.style.cssText = "display:block;width:100%;height:100%";
  el.append(image);
  let newest = 0;
  let shown = "";
  const draw = async () => {
    const turn = ++newest;
    const bytes = model.get("value");
    if (!bytes?.byteLength) return; // not drawn yet
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    const next = new Image();
    next.src = url;
    await next.decode().catch(() => {}); // the old picture stays until the new one can be painted
    if (turn !== newest) return URL.revokeObjectURL(url);
    image.src = url;
    URL.revokeObjectURL(shown);
    shown = url;
  };
  const describe = () => (image.alt = model.get("words"));
  model.on("change:value", draw);
  model.on("change:words", describe);
  describe();
  draw();
  return () => {
    model.off("change:value", draw);
    model.off("change:words", describe);
    newest = 0;
    URL.revokeObjectURL(shown);
  };
}

export default { render };
