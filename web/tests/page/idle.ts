// A service worker that keeps nothing and answers nothing, so that a test sees the page and no cache of it.
export {};
