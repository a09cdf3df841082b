use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Happening, ModelReply, ModelRule, SLACK_TOKEN, Server, SyntheticRun, WebhookFault, WebhookTrouble};

use crate::{Bench, REPO, WAIT};

async fn slack(bench: &Bench, method: &str, token: &str, body: Value) -> Value {
    let url = format!("{}{method}", bench.simulator.slack_url());
    let request = bench.http.post(url).header("authorization", format!("Bearer {token}")).header("content-type", "application/json; charset=utf-8");
    serde_json::from_slice(&request.body(body.to_string()).send().await.unwrap().bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn slack_posts_updates_and_finds_messages() {
    let bench = Bench::start(false, vec![]).await;
    assert_eq!(slack(&bench, "auth.test", "wrong", json!({})).await["error"], "invalid_auth");
    assert_eq!(slack(&bench, "chat.postMessage", SLACK_TOKEN, json!({"channel": "#nowhere", "text": "x"})).await["error"], "channel_not_found");
    let metadata = json!({"event_type": "regreen", "event_payload": {"id": "r1"}});
    let mut events = bench.simulator.events();
    let posted = slack(&bench, "chat.postMessage", SLACK_TOKEN, json!({"channel": "#regreen", "text": "red", "metadata": metadata})).await;
    assert_eq!(posted["ok"], true);
    assert!(matches!(events.recv().await.unwrap().what, Happening::SlackPosted { ref text, .. } if text == "red"));
    let updated = slack(&bench, "chat.update", SLACK_TOKEN, json!({"channel": posted["channel"], "ts": posted["ts"], "text": "green"})).await;
    assert_eq!(updated["ok"], true);
    let history = slack(&bench, "conversations.history", SLACK_TOKEN, json!({"channel": posted["channel"], "include_all_metadata": true, "limit": 1})).await;
    assert_eq!((&history["messages"][0]["text"], &history["messages"][0]["metadata"]), (&json!("green"), &metadata));
    let kept = bench.simulator.slack_messages();
    assert_eq!((kept.len(), kept[0].text.as_str(), kept[0].edits[0].text.as_str()), (1, "green", "red"));
    let hook = bench
        .http
        .post(bench.simulator.slack_webhook_url())
        .header("content-type", "application/json")
        .body(json!({"text": "hooked"}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(hook.text().await.unwrap(), "ok");
    bench.simulator.faults().add(
        Fault::on(
            Server::Slack,
            "POST",
            "/api/chat.*",
            FaultKind::Status {
                code: 429,
                headers: vec![("retry-after".to_owned(), "3".to_owned())],
                body: r#"{"ok":false,"error":"ratelimited"}"#.to_owned(),
            },
        )
        .times(1),
    );
    assert_eq!(slack(&bench, "chat.postMessage", SLACK_TOKEN, json!({"channel": "regreen", "text": "x"})).await["error"], "ratelimited");
}

#[tokio::test]
async fn the_model_follows_its_script() {
    let bench = Bench::start(false, vec![]).await;
    bench.simulator.script_model(ModelRule::when(&["assert", "left"], ModelReply::Status(429, Some(2))).times(1));
    bench.simulator.script_model(ModelRule::when(&["assert", "left"], ModelReply::Text("the diff".to_owned())));
    let ask = async |url: String, model: &str, text: &str| {
        let body = json!({"model": model, "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": text}]}]});
        let response = bench.http.post(url).body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).unwrap())
    };
    let plain = || format!("{}/chat/completions", bench.simulator.model_url());
    assert_eq!(ask(plain(), "m", "assert left right").await.0, 429);
    let (_, answer) = ask(plain(), "m", "assert left right").await;
    assert_eq!(
        (&answer["choices"][0]["message"]["content"], &answer["model"], &answer["usage"]["completion_tokens"]),
        (&json!("the diff"), &json!("scripted"), &json!(2))
    );
    let (_, refusal) = ask(plain(), "m", "other").await;
    assert!(refusal["choices"][0]["message"]["content"].as_str().unwrap().contains("no answer prepared"));
    let gateway = format!("{}/openai/v1/chat/completions", bench.simulator.gateway_url());
    assert_eq!(ask(gateway.clone(), "m", "assert left").await.0, 400);
    let (_, answer) = ask(gateway, "tensorzero::function_name::fix", "assert left").await;
    assert!(answer["episode_id"].is_string());
    let feedback = json!({"metric_name": "merged", "value": true, "inference_id": answer["id"]});
    let sent = bench.http.post(format!("{}/feedback", bench.simulator.gateway_url())).body(feedback.to_string()).send().await.unwrap();
    assert_eq!((sent.status().as_u16(), bench.simulator.model_feedback()), (200, vec![feedback]));
    assert_eq!(bench.simulator.model_requests().len(), 4);
}

#[tokio::test]
async fn webhooks_are_delivered_lost_and_repeated() {
    let bench = Bench::start(false, vec![]).await;
    // The incoming webhook of the simulated Slack takes any POST, and so serves as a receiver.
    let receiver = bench.simulator.slack_webhook_url();
    bench.simulator.subscribe_webhook(&receiver, "secret", &["workflow_run"]).unwrap();
    let sha = bench.push("x", "a", "1").await;
    bench.simulator.trouble_webhooks(WebhookFault { event: Some("workflow_run".to_owned()), trouble: WebhookTrouble::Lose, times: Some(1) });
    bench.simulator.trouble_webhooks(WebhookFault { event: Some("workflow_run".to_owned()), trouble: WebhookTrouble::Repeat(1), times: Some(1) });
    for _ in 0..2 {
        bench.simulator.add_synthetic_run(REPO, SyntheticRun::failed("x", &sha, "e")).await.unwrap();
    }
    bench.simulator.wait_until(WAIT, "four deliveries", |view| view.deliveries().len() == 4).await.unwrap();
    let deliveries = bench.simulator.deliveries();
    let runs: Vec<_> = deliveries.iter().filter(|delivery| delivery.event == "workflow_run").collect();
    assert_eq!(runs.iter().filter(|delivery| delivery.lost).count(), 1);
    let sent: Vec<_> = runs.iter().filter(|delivery| !delivery.lost).collect();
    assert_eq!((sent.len(), &sent[0].id, sent[0].action.as_str()), (2, &sent[1].id, "completed"));
    assert!(deliveries.iter().any(|delivery| delivery.event == "ping" && delivery.status.is_some()));
}
