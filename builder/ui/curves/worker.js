// The pen in a worker of its own.
const pen = new Pen((told) => postMessage(told));
addEventListener("message", ({ data }) => pen.hear(data));
