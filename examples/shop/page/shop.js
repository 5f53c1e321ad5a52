// The shop's own script: it knows nothing of tracing.
const list = document.querySelector("#products");
const message = document.querySelector("#message");

function say(text, bad = false) {
  message.textContent = text;
  message.classList.toggle("bad", bad);
}

async function buy(product) {
  const answer = await fetch(`/api/products/${product.id}/orders`, { method: "POST" });
  const body = await answer.json();
  if (answer.ok) say(`Order ${body.number}: ${product.name}. ${body.left} left.`);
  else say(body.error, true);
}

function card(product) {
  const article = document.createElement("article");
  const name = document.createElement("h2");
  name.textContent = product.name;
  const price = document.createElement("span");
  price.className = "price";
  price.textContent = `€ ${(product.price_cents / 100).toFixed(2)}`;
  const blurb = document.createElement("p");
  blurb.textContent = product.blurb;
  const button = document.createElement("button");
  button.id = `buy-${product.id}`;
  button.textContent = "Buy";
  button.addEventListener("click", () => buy(product));
  article.append(name, price, blurb, button);
  return article;
}

const answer = await fetch("/api/products").catch(() => null);
if (answer?.ok) list.replaceChildren(...(await answer.json()).map(card));
else say("The shop does not answer. Reload the page in a moment.", true);
