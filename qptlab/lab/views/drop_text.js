// The front end of qptlab.lab.views.small_widgets.DropText: a text area that takes files too.
function render({ model, el }) {
  const area = document.createElement("textarea");
  area.className = "qptlab-drop";
  area.rows = 3;
  area.spellcheck = false;
  area.placeholder = model.get("placeholder");
  area.setAttribute("aria-label", model.get("label"));
  area.value = model.get("value");
  const send = () => {
    if (area.value === model.get("value")) return;
    model.set("value", area.value);
    model.save_changes();
  };
  const take = async (file) => {
    area.value = await file.text();
    send();
  };
  const shade = (on) => () => area.classList.toggle("over", on);
  area.addEventListener("change", send);
  area.addEventListener("paste", () => setTimeout(send));
  area.addEventListener("keydown", (event) => {
    event.stopPropagation(); // JupyterLab's shortcuts
    if (event.key !== "Enter" || area.value.includes("\n") || event.shiftKey) return;
    event.preventDefault(); // one line is a SMILES, and Enter takes it
    send();
  });
  area.addEventListener("dragenter", shade(true));
  area.addEventListener("dragleave", shade(false));
  area.addEventListener("dragover", (event) => event.preventDefault());
  area.addEventListener("drop", (event) => {
    shade(false)();
    if (area.disabled) return;
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would upload it
    take(file);
  });
  const follow = () => (area.value = model.get("value"));
  const lock = () => (area.disabled = model.get("disabled"));
  model.on("change:value", follow);
  model.on("change:disabled", lock);
  lock();
  el.append(area);
  return () => {
    model.off("change:value", follow);
    model.off("change:disabled", lock);
  };
}

export default { render };
