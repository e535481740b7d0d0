// Draws a structure for a search field. The editor is fetched when somebody asks for it, and not before.
"use strict";

(() => {
  const dialog = document.getElementById("draw-structure");
  const canvas = dialog.querySelector("[data-canvas]");
  const problem = dialog.querySelector("[data-problem]");
  let library = null;
  let editor = null;
  let field = null;
  let pattern = false;  // whether the field takes a pattern, with atom lists and the like, or a whole molecule

  function begun(text) {
    const empty = () => new library.Molecule(32, 32);
    let molecule = empty();
    try {
      if (text) molecule = library.Molecule.fromSmiles(text);
    } catch {
      molecule = empty();  // what cannot be read stays in the field until another structure is taken
    }
    molecule.setFragment(pattern);
    return molecule;
  }

  async function open(button) {
    field = document.getElementById(button.dataset.draw);
    pattern = "pattern" in button.dataset;
    problem.hidden = true;
    dialog.showModal();
    try {
      library ??= await import(dialog.dataset.editor);
      editor ??= new library.CanvasEditor(canvas);
      editor.setMolecule(begun(field.value.trim()));
      dialog.dataset.ready = "yes";
    } catch {
      problem.hidden = false;
    }
  }

  function take() {
    if (!editor) return;
    const drawn = editor.getMolecule();
    field.value = pattern ? drawn.toSmarts() : drawn.toIsomericSmiles();
    dialog.close();
    field.form.requestSubmit();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-draw]");
    if (button) open(button);
  });
  dialog.querySelector("[data-use]").addEventListener("click", take);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
})();
