// One thread and libuv's pool: files are opened by threads that never read a request.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, join } from "node:path";

const server = createServer(async (request, response) => {
  await new Promise((done) => setTimeout(done, 10));
  const body = await readFile(join(process.argv[2], basename(request.url.split("?")[0])));
  response.end(body);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
