// Walks a replica as any user of @octokit/rest would: node walk.mjs URL TOKEN LOGIN. Prints what it met as JSON.
import { Octokit } from "@octokit/rest";

const [url, token, login] = process.argv.slice(2);
const octokit = new Octokit({ baseUrl: url, auth: token });

const names = async (method, parameters) =>
  (await octokit.paginate(method, { per_page: 2, ...parameters })).map((item) => item.full_name ?? item.login);

async function walk() {
  const seen = new Map();
  const waiting = [login];
  while (waiting.length > 0) {
    const username = waiting.shift();
    if (seen.has(username)) continue;
    const following = await names(octokit.rest.users.listFollowingForUser, { username });
    const repositories = await names(octokit.rest.repos.listForUser, { username });
    seen.set(username, { following, repositories });
    waiting.push(...following);
  }
  return Object.fromEntries(seen);
}

async function missing(request) {
  try {
    await request;
  } catch (error) {
    return { status: error.status, message: error.response?.data?.message };
  }
}

const users = await walk();
const [owner, repo] = Object.values(users).flatMap((user) => user.repositories)[0].split("/");
const repository = await octokit.rest.repos.get({ owner, repo });
const etag = repository.headers.etag;
const query = `query($login: String!) { user(login: $login) { followers(first: 100) { nodes { login } } } }`;

console.log(
  JSON.stringify({
    users,
    followers: await names(octokit.rest.users.listFollowersForUser, { username: login }),
    repository: repository.data,
    languages: (await octokit.rest.repos.listLanguages({ owner, repo })).data,
    unchanged: await missing(octokit.rest.repos.get({ owner, repo, headers: { "if-none-match": etag } })),
    gone: await missing(octokit.rest.users.getByUsername({ username: "nobody-here" })),
    rate: (await octokit.rest.rateLimit.get()).data.rate,
    graphql: (await octokit.graphql(query, { login })).user.followers.nodes.map((node) => node.login),
  }),
);
