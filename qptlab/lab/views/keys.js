// The front end of qptlab.lab.views.small_widgets.Keys: letters pressed anywhere in the panel around it.
const TYPING = "input, textarea, select, [contenteditable], [role=slider]";

function render({ model, el }) {
  let panel = null;
  let waiting = 0;
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPING)) return;
    const key = event.key.toLowerCase();
    if (!model.get("letters").includes(key)) return;
    event.preventDefault();
    event.stopPropagation();
    model.send({ key });
  };
  const attach = () => {
    panel = el.closest(".qptlab-workbench");
    if (!panel) return void (waiting = requestAnimationFrame(attach)); // not on the page yet
    panel.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own letters act on whole cells
    panel.addEventListener("keydown", press);
  };
  attach();
  return () => {
    cancelAnimationFrame(waiting);
    panel?.removeEventListener("keydown", press);
  };
}

export default { render };
