import { byId } from "./elements.ts";
import { droppedFiles, pickedFiles } from "./file-sources.ts";
import { Page } from "./page.ts";

const page = new Page();

for (const id of ["folder-input", "file-input"]) {
  const input = byId(id) as HTMLInputElement;
  input.addEventListener("change", () => {
    const files = pickedFiles(input.files as FileList);
    // The same files can be chosen again.
    input.value = "";
    void page.add(Promise.resolve(files));
  });
}
byId("clear").addEventListener("click", () => page.clear());

const isOver = (over: boolean): void => {
  document.body.classList.toggle("drop-here", over);
};
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  isOver(true);
});
document.addEventListener("dragleave", () => isOver(false));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  isOver(false);
  if (event.dataTransfer !== null) void page.add(droppedFiles(event.dataTransfer));
});

// Browsers give WebCrypto to secure contexts only: https, this machine, and files.
if (!globalThis.isSecureContext) {
  byId("status").textContent =
    "This page works by https, from this machine, or as a file. Opened as it is, it can't judge.";
}
