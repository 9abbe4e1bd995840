// The script that the page starts the worker with: it loads the worker, and is loaded by nobody else.
//
// Nothing stands here. A part that comes later takes what it shares with the worker from the worker's own script; were that
// the one the page started, WebKit would run it a second time for it, and two workers would answer in one thread.
import "./worker.js";
