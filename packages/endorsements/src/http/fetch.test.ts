import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { TestCa } from "@constellation/testkit/test-ca";
import { refusal } from "../testing/errors.ts";
import { FakeProxy } from "../testing/fake-proxy.ts";
import { FakeServer, says } from "../testing/fake-server.ts";
import { createFetch, type FetchOptions } from "./fetch.ts";

const ca = await TestCa.create("Test CA");
const identity = await ca.issue({ commonName: "vendor", dnsNames: ["vendor.example"], addresses: ["127.0.0.1"] });
const vendor = createServer({ key: identity.keyPem, cert: identity.certificatePem }, (request, response) => {
  response.end(`${request.headers.host}${request.url}`);
});
vendor.listen(0, "127.0.0.1");
await once(vendor, "listening");
const { port } = vendor.address() as AddressInfo;
const plain = await FakeServer.start();
const proxy = await FakeProxy.start(port);
const refusing = await FakeProxy.start(port, true);
after(async () => {
  vendor.closeAllConnections();
  await Promise.all([once(vendor.close(), "close"), plain.close(), proxy.close(), refusing.close()]);
});

const trusted = { ca: [ca.certificatePem] };

async function get(options: FetchOptions, url: string): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  const response = await createFetch(options)(url, { method: "GET", headers: {}, redirect: "manual", signal });
  return `${response.status} ${await response.text()}`;
}

test("createFetch() goes through the proxy of HTTPS_PROXY, in either case", async () => {
  for (const name of ["HTTPS_PROXY", "https_proxy"]) {
    const env = { [name]: `http://user:word@${proxy.address}` };
    assert.equal(await get({ env, ...trusted }, "https://vendor.example/crl?a=b"), "200 vendor.example/crl?a=b");
    assert.equal(proxy.tunnels.at(-1), "vendor.example:443");
    assert.equal(proxy.authorizations.at(-1), `Basic ${Buffer.from("user:word").toString("base64")}`);
  }
  assert.equal(proxy.tunnels.length, 2);
});

test("createFetch() goes to the hosts of NO_PROXY itself", async () => {
  const before = proxy.tunnels.length;
  for (const name of ["NO_PROXY", "no_proxy"]) {
    const env = { HTTPS_PROXY: `http://${proxy.address}`, [name]: "other.example,127.0.0.1" };
    assert.match(await get({ env, ...trusted }, `https://127.0.0.1:${port}/crl`), /^200 .*\/crl$/);
  }
  assert.equal(proxy.tunnels.length, before);
});

test("createFetch() goes to hosts itself where no proxy is named", async () => {
  const before = proxy.tunnels.length;
  assert.match(await get({ env: {}, ...trusted }, `https://127.0.0.1:${port}/crl`), /^200 .*\/crl$/);
  assert.equal(proxy.tunnels.length, before);
});

test("createFetch() never sends plain http through a proxy", async () => {
  const plainProxy = await FakeServer.start();
  plain.set("/crl", { body: "plain" });
  const env = { HTTP_PROXY: plainProxy.url, http_proxy: plainProxy.url };
  assert.equal(await get({ env }, `${plain.url}/crl`), "200 plain");
  assert.deepEqual(plainProxy.requests, []);
  await plainProxy.close();
});

test("createFetch() refuses where the proxy refuses, or is not there", async () => {
  await assert.rejects(
    get({ env: { HTTPS_PROXY: `http://${refusing.address}` }, ...trusted }, "https://vendor.example/"),
  );
  assert.deepEqual(refusing.tunnels, ["vendor.example:443"]);
  const gone = await FakeProxy.start(port);
  const { address } = gone;
  await gone.close();
  await assert.rejects(get({ env: { HTTPS_PROXY: `http://${address}` }, ...trusted }, "https://vendor.example/"));
});

test("createFetch() refuses an environment that names no usable proxy, and does not tell its password", () => {
  for (const name of ["HTTPS_PROXY", "https_proxy"]) {
    for (const address of ["nonsense", "proxy.example:3128", "socks5://user:secret@127.0.0.1:1"]) {
      assert.throws(
        () => createFetch({ env: { [name]: address } }),
        (error: Error) => refusal("proxy_invalid", name)(error) && !error.message.includes("secret"),
      );
    }
  }
  assert.doesNotThrow(() => createFetch({ env: { HTTPS_PROXY: "", https_proxy: undefined } }));
});

test("createFetch() refuses a certificate of an unknown authority or another host", async () => {
  const env = { HTTPS_PROXY: `http://${proxy.address}` };
  await assert.rejects(get({ env }, "https://vendor.example/"));
  await assert.rejects(get({ env, ...trusted }, "https://other.example/"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
});

test("createFetch() gives answers without body", async () => {
  plain.failNext(says(304), says(204));
  assert.equal(await get({ env: {} }, `${plain.url}/`), "304 ");
  assert.equal(await get({ env: {} }, `${plain.url}/`), "204 ");
});
