use serde_json::{Value, json};
use simulator::{Change, Fault, FaultKind, Happening, Protection, RepoSpec, Server, SyntheticRun, TokenSpec};

use crate::{Bench, REPO, git, words};

#[tokio::test(flavor = "multi_thread")]
async fn git_clones_pushes_and_is_refused() {
    let bench = Bench::start(false, vec![]).await;
    let simulator = &bench.simulator;
    simulator.protect(REPO, "main", Protection { protected: true, rules: vec![] }).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cloned = git(dir.path(), &["clone", "--quiet", &bench.clone_url("writer"), "w"]).await;
    assert!(cloned.status.success(), "{}", words(&cloned));
    let work = dir.path().join("w");
    std::fs::write(work.join("new.txt"), "x").unwrap();
    git(&work, &["checkout", "--quiet", "-b", "agent-fix/a-1"]).await;
    git(&work, &["add", "."]).await;
    git(&work, &["commit", "--quiet", "-m", "new"]).await;
    let mut events = simulator.events();
    let pushed = git(&work, &["push", "--quiet", "origin", "HEAD"]).await;
    assert!(pushed.status.success(), "{}", words(&pushed));
    let head = words(&git(&work, &["rev-parse", "HEAD"]).await).trim().to_owned();
    assert_eq!(simulator.branch(REPO, "agent-fix/a-1").await.unwrap(), Some(head.clone()));
    let event = events.recv().await.unwrap();
    assert!(
        matches!(event.what, Happening::RefUpdated { ref name, new: Some(ref sha), ref actor, .. } if name == "refs/heads/agent-fix/a-1" && *sha == head && actor == "agent")
    );

    let before = simulator.branch(REPO, "main").await.unwrap();
    let refused = git(&work, &["push", "origin", "HEAD:main"]).await;
    assert!(!refused.status.success() && words(&refused).contains("GH006"), "{}", words(&refused));
    assert_eq!(simulator.branch(REPO, "main").await.unwrap(), before);
    let denied = git(&work, &["push", &bench.clone_url("reader"), "HEAD:other"]).await;
    assert!(!denied.status.success() && words(&denied).contains("403"), "{}", words(&denied));
    // Like GitHub, a public repository is read without looking at the token; only a write asks for it.
    let unknown = git(&work, &["push", &bench.clone_url("wrong"), "HEAD:other"]).await;
    assert!(!unknown.status.success());
    // A commit can be fetched by its SHA alone.
    let fetched = git(&work, &["fetch", "--quiet", "--depth=1", "origin", &head]).await;
    assert!(fetched.status.success(), "{}", words(&fetched));
    let log = format!("{:?}", simulator.requests());
    assert!(!log.contains("writer") && log.contains("git-receive-pack"));
}

#[tokio::test]
async fn answers_carry_tags_pages_and_budgets() {
    let bench = Bench::start(false, vec![]).await;
    for number in 0..5 {
        bench.push(&format!("b{number}"), "a.txt", &number.to_string()).await;
    }
    let path = format!("/repos/{REPO}/branches?per_page=2");
    let first = bench.request("GET", &path, "writer").send().await.unwrap();
    let header = |response: &reqwest::Response, name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let tag = header(&first, "etag");
    assert!(header(&first, "link").contains("page=2>; rel=\"next\""), "{}", header(&first, "link"));
    assert!(header(&first, "link").contains("page=3>; rel=\"last\""));
    let used = header(&first, "x-ratelimit-used");
    let again = bench.request("GET", &path, "writer").header("if-none-match", &tag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "x-ratelimit-used")), (304, used));
    let other = bench.request("GET", &path, "reader").header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(other.status(), 200, "a tag is bound to its token");
    assert_eq!(bench.get(&format!("{path}&page=3")).await.as_array().unwrap().len(), 2);
    assert_eq!(bench.request("GET", &path, "nobody").send().await.unwrap().status(), 401);
    assert_eq!(bench.request("POST", &format!("/repos/{REPO}/git/refs"), "reader").body("{}").send().await.unwrap().status(), 403);
    assert_eq!(bench.get(&format!("/api/v3/repos/{REPO}")).await["full_name"], REPO);
}

#[tokio::test]
async fn private_and_renamed_repositories() {
    let bench = Bench::start(false, vec![]).await;
    let simulator = &bench.simulator;
    simulator.create_repo(RepoSpec { private: true, ..RepoSpec::new("acme", "secret") }).await.unwrap();
    simulator.add_token("narrow", TokenSpec { repos: Some(vec![REPO.to_owned()]), ..TokenSpec::writer("narrow") });
    assert_eq!(bench.request("GET", "/repos/acme/secret", "narrow").send().await.unwrap().status(), 404);
    assert_eq!(bench.request("GET", "/repos/acme/secret", "writer").send().await.unwrap().status(), 200);
    simulator.rename_repo(REPO, "gadgets").unwrap();
    let moved = bench.request("GET", "/repos/acme/widgets/branches?page=1", "writer").send().await.unwrap();
    assert_eq!(moved.status(), 301);
    let location = moved.headers()["location"].to_str().unwrap().to_owned();
    let path = location.strip_prefix(&simulator.api_url()).unwrap();
    assert_eq!(bench.get(path).await[0]["name"], "main");
}

#[tokio::test]
async fn refs_are_created_moved_and_protected() {
    let bench = Bench::start(false, vec![]).await;
    let main = bench.simulator.branch(REPO, "main").await.unwrap().unwrap();
    let tip = bench.push("feature/x", "a.txt", "1").await;
    bench.simulator.protect(REPO, "release/**", Protection { protected: false, rules: vec![json!({"type": "pull_request"})] }).unwrap();
    let refs = format!("/repos/{REPO}/git/refs");
    let create = |name: &str| json!({"ref": format!("refs/heads/{name}"), "sha": main});
    assert_eq!(bench.ask("POST", &refs, create("new")).await.0, 201);
    assert_eq!(bench.ask("POST", &refs, create("new")).await.1["message"], "Reference already exists");
    assert_eq!(bench.ask("POST", &refs, create("release/1")).await.0, 422);
    assert_eq!(bench.ask("PATCH", &format!("{refs}/heads/feature/x"), json!({"sha": main})).await.1["message"], "Update is not a fast forward");
    assert_eq!(bench.ask("PATCH", &format!("{refs}/heads/new"), json!({"sha": tip})).await.0, 200);
    assert_eq!(bench.ask("DELETE", &format!("{refs}/heads/new"), Value::Null).await.0, 204);
    assert_eq!(bench.get(&format!("/repos/{REPO}/branches/feature%2Fx")).await["commit"]["sha"], tip);
    assert_eq!(bench.get(&format!("/repos/{REPO}/rules/branches/release/1")).await[0]["type"], "pull_request");
    let compared = bench.get(&format!("/repos/{REPO}/compare/main...feature/x")).await;
    assert_eq!((&compared["status"], &compared["files"][0]["filename"]), (&json!("ahead"), &json!("a.txt")));
    let file = bench.get(&format!("/repos/{REPO}/contents/a.txt?ref=feature/x")).await;
    assert_eq!(file["content"], "MQ==\n");
}

#[tokio::test]
async fn a_pull_request_lives() {
    let bench = Bench::start(false, vec![]).await;
    let simulator = &bench.simulator;
    bench.push("feature/x", "a.txt", "1").await;
    let push = simulator::Push::new("agent-fix/x", "Fix").from("feature/x").write("a.txt", "2");
    simulator.push_commit(REPO, push).await.unwrap();
    let pulls = format!("/repos/{REPO}/pulls");
    let body = json!({"title": "Fix", "head": "agent-fix/x", "base": "feature/x", "body": "<!-- mark -->", "draft": true});
    let (status, pull) = bench.ask("POST", &pulls, body.clone()).await;
    assert_eq!((status, &pull["draft"], &pull["mergeable_state"]), (201, &json!(true), &json!("draft")));
    let (status, twice) = bench.ask("POST", &pulls, body).await;
    assert_eq!((status, &twice["errors"][0]["message"]), (422, &json!("A pull request already exists for acme:agent-fix/x.")));
    let missing = bench.ask("POST", &pulls, json!({"title": "x", "head": "nope", "base": "main"})).await;
    assert_eq!((missing.0, &missing.1["errors"][0]["field"]), (422, &json!("head")));
    let found = bench.get(&format!("{pulls}?head=acme:agent-fix/x&base=feature/x&state=open")).await;
    assert_eq!(found.as_array().unwrap().len(), 1);
    let query = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
    let (_, ready) = bench.ask("POST", "/graphql", json!({"query": query, "variables": {"id": pull["node_id"]}})).await;
    assert_eq!(ready["data"]["markPullRequestReadyForReview"]["pullRequest"]["isDraft"], false);
    assert!(!simulator.pulls(REPO)[0].draft);
    let review = json!({"event": "COMMENT", "body": "r", "comments": [{"path": "a.txt", "line": 1, "body": "c"}]});
    assert_eq!(bench.ask("POST", &format!("{pulls}/1/reviews"), review).await.0, 200);
    let outside = json!({"event": "COMMENT", "comments": [{"path": "a.txt", "line": 9, "body": "c"}]});
    assert_eq!(bench.ask("POST", &format!("{pulls}/1/reviews"), outside).await.0, 422);
    assert_eq!(bench.ask("POST", &format!("/repos/{REPO}/issues/1/comments"), json!({"body": "hello"})).await.0, 201);
    assert_eq!(bench.ask("POST", &format!("/repos/{REPO}/issues/1/labels"), json!({"labels": ["regreen"]})).await.1[0]["name"], "regreen");
    assert_eq!(simulator.comments(REPO)[0].comment.body, "hello");

    let merged = simulator.merge_pull(REPO, 1, "squash").await.unwrap();
    assert_eq!(simulator.branch(REPO, "feature/x").await.unwrap(), Some(merged));
    assert_eq!(simulator.file(REPO, "feature/x", "a.txt").await.unwrap().unwrap(), b"2");
    assert_eq!(bench.get(&format!("{pulls}/1")).await["merged"], true);

    // Deleting the base of an open one closes it.
    simulator.push_commit(REPO, simulator::Push::new("agent-fix/y", "Fix").from("feature/x").write("b", "2")).await.unwrap();
    simulator.open_pull(REPO, "agent-fix/y", "feature/x", "t", "", "ada").await.unwrap();
    simulator.delete_branch(REPO, "feature/x").await.unwrap();
    assert_eq!(bench.get(&format!("{pulls}/2")).await["state"], "closed");
}

#[tokio::test]
async fn forks_open_pull_requests() {
    let bench = Bench::start(false, vec![]).await;
    let simulator = &bench.simulator;
    simulator.create_repo(RepoSpec { fork_of: Some(REPO.to_owned()), ..RepoSpec::new("eve", "widgets") }).await.unwrap();
    let push = simulator::Push::new("main", "Change").write("a", "1");
    let sha = simulator.push_commit("eve/widgets", push).await.unwrap();
    let number = simulator.open_pull(REPO, "eve:main", "main", "t", "", "eve").await.unwrap();
    let pull = bench.get(&format!("/repos/{REPO}/pulls/{number}")).await;
    assert_eq!((&pull["head"]["repo"]["full_name"], &pull["head"]["sha"], &pull["head"]["repo"]["fork"]), (&json!("eve/widgets"), &json!(sha), &json!(true)));
    assert_eq!(simulator.refs(REPO).await.unwrap()[&format!("refs/pull/{number}/head")], sha);
}

#[tokio::test]
async fn synthetic_runs_are_listed_rerun_and_expire() {
    let bench = Bench::start(false, vec![]).await;
    let sha = bench.push("feature/x", "a.txt", "1").await;
    let mut run = SyntheticRun::failed("feature/x", &sha, "##[error]Process completed with exit code 1.");
    run.reruns = vec![SyntheticRun::succeeded("feature/x", &sha).result];
    let id = bench.simulator.add_synthetic_run(REPO, run).await.unwrap();
    let runs = format!("/repos/{REPO}/actions/runs");
    for (query, expected) in
        [("status=failure", 1), ("status=completed&branch=feature/x", 1), ("status=success", 0), ("event=schedule", 0), ("created=%3E%3D2020-01-01", 1)]
    {
        assert_eq!(bench.get(&format!("{runs}?{query}")).await["total_count"], expected, "{query}");
    }
    let jobs = bench.get(&format!("{runs}/{id}/attempts/1/jobs")).await;
    let log = format!("/repos/{REPO}/actions/jobs/{}/logs", jobs["jobs"][0]["id"]);
    let redirect = bench.request("GET", &log, "writer").send().await.unwrap();
    assert_eq!(redirect.status(), 302);
    let location = redirect.headers()["location"].to_str().unwrap().to_owned();
    let text = bench.http.get(&location).send().await.unwrap().text().await.unwrap();
    assert!(text.ends_with("Z ##[error]Process completed with exit code 1.\n"), "{text}");
    assert_eq!(bench.http.get(&location).send().await.unwrap().status(), 403, "an address is good once");
    bench.simulator.expire_logs(id).unwrap();
    assert_eq!(bench.ask("GET", &log, Value::Null).await.0, 410);
    assert_eq!(bench.ask("POST", &format!("{runs}/{id}/rerun-failed-jobs"), Value::Null).await.0, 201);
    let run = bench.get(&format!("{runs}/{id}")).await;
    assert_eq!((&run["run_attempt"], &run["conclusion"]), (&json!(2), &json!("success")));
    assert_eq!(bench.get(&format!("{runs}/{id}/attempts/1")).await["conclusion"], "failure");
}

#[tokio::test]
async fn faults_strike() {
    let bench = Bench::start(false, vec![Change::write("big.txt", "x".repeat(1000))]).await;
    let faults = bench.simulator.faults();
    let path = format!("/repos/{REPO}");
    faults.add(Fault::on(Server::Github, "GET", &path, FaultKind::ResetConnection).times(1));
    assert!(bench.request("GET", &path, "writer").send().await.is_err());
    faults.add(Fault::on(Server::Github, "GET", &path, FaultKind::SecondaryLimit { retry_after: 7 }).times(1));
    let limited = bench.request("GET", &path, "writer").send().await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (403, "7"));
    faults.add(Fault::on(Server::Github, "GET", &path, FaultKind::TruncateBody(10)).times(1));
    assert!(bench.request("GET", &path, "writer").send().await.unwrap().bytes().await.is_err());
    faults.add(Fault::on(Server::Github, "GET", &path, FaultKind::Lie(json!({"default_branch": "lie"}))).times(1));
    assert_eq!(bench.get(&path).await["default_branch"], "lie");
    let main = bench.simulator.branch(REPO, "main").await.unwrap().unwrap();
    faults.add(Fault::on(Server::Github, "POST", "*/git/refs", FaultKind::AnswerThenDrop).times(1));
    let body = json!({"ref": "refs/heads/n", "sha": main}).to_string();
    assert!(bench.request("POST", &format!("{path}/git/refs"), "writer").body(body).send().await.is_err());
    assert_eq!(bench.simulator.branch(REPO, "n").await.unwrap(), Some(main), "the write took effect");
    assert_eq!(faults.left(), 0);
    assert_eq!(bench.simulator.requests().iter().filter(|request| request.faulted).count(), 5);
}

#[tokio::test]
async fn apps_mint_tokens_that_expire() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bench = Bench::start(false, vec![]).await;
    let installation = bench.simulator.install_app(42, "regreen", "acme");
    let jwt = |issuer: &str, life: i64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed();
        let claims = json!({"iss": issuer, "iat": now - 60, "exp": now + life}).to_string();
        format!("{}.{}.sig", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(claims))
    };
    let mint = format!("/app/installations/{installation}/access_tokens");
    assert_eq!(bench.request("POST", &mint, &jwt("42", -1)).send().await.unwrap().status(), 401);
    assert_eq!(bench.request("POST", &mint, &jwt("43", 300)).send().await.unwrap().status(), 401);
    let found = bench.request("GET", &format!("/repos/{REPO}/installation"), &jwt("42", 300)).send().await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&found.bytes().await.unwrap()).unwrap()["id"], installation);
    let minted = bench.request("POST", &mint, &jwt("42", 300)).send().await.unwrap();
    let minted: Value = serde_json::from_slice(&minted.bytes().await.unwrap()).unwrap();
    let token = minted["token"].as_str().unwrap().to_owned();
    assert_eq!(bench.request("GET", "/installation/repositories", &token).send().await.unwrap().status(), 200);
    assert_eq!(bench.request("GET", "/user", &token).send().await.unwrap().status(), 403);
    bench.simulator.expire_app_tokens();
    assert_eq!(bench.request("GET", "/installation/repositories", &token).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn lists_lag_behind_what_is() {
    let bench = Bench::with(false, 60_000, vec![]).await;
    let sha = bench.push("x", "a", "1").await;
    let id = bench.simulator.add_synthetic_run(REPO, SyntheticRun::failed("x", &sha, "e")).await.unwrap();
    assert_eq!(bench.get(&format!("/repos/{REPO}/actions/runs")).await["total_count"], 0);
    assert_eq!(bench.get(&format!("/repos/{REPO}/branches")).await, json!([]));
    assert_eq!(bench.get(&format!("/repos/{REPO}/actions/runs/{id}")).await["conclusion"], "failure", "by its id it is seen at once");
    assert_eq!(bench.get(&format!("/repos/{REPO}/branches/x")).await["commit"]["sha"], sha);
}
