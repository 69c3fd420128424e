import { expect, test } from "vitest";
import { failureIn } from "./http";

const NONE = () => null;

test("a failure is told in the service's own words, with its code and the request id", () => {
  const body = { error: { message: "Come back later.", code: "rate_limit_exceeded", request_id: "01M8" } };
  const found = failureIn(429, JSON.stringify(body), (name) => (name === "retry-after" ? "3" : null));
  expect(found).toMatchObject({ message: "Come back later.", code: "rate_limit_exceeded", requestId: "01M8" });
  expect(found.retryAfterS).toBe(3);
  expect(found.passing).toBe(true);
});

test("what a proxy on the way answers in its own form is told by its status, and by the id in the header", () => {
  const found = failureIn(413, "<html>Too large</html>", (name) => (name === "x-request-id" ? "01M9" : null));
  expect(found).toMatchObject({ code: "http_413", status: 413, requestId: "01M9", passing: false });
  expect(failureIn(502, "null", NONE).code).toBe("http_502");
});
