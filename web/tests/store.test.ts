// The store's contract on the IndexedDB that Node is given. It stands for no browser: these run the same cases.
import "fake-indexeddb/auto";
import { test } from "node:test";
import { PhoneStore } from "../engine/shell/store.js";
import { storeContract } from "./store_contract.js";

storeContract((name, room) => PhoneStore.open(indexedDB, {}, name, room), (title, run) => void test(title, run));
