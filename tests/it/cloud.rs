//! Two tables with the template's schema in the local cloud, for one test: the stack's sweeper
//! would change the stack's own tables.

use adapters::dead_letters::DeadLetterTable;
use adapters::delivery_store::{DeliveryTable, DueShards, days};
use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use domain::flow::AWS_CALL_TIMEOUT;

/// Longer than any test.
const RETENTION_DAYS: u32 = 30;

pub(crate) struct Cloud {
    pub(crate) store: DeliveryTable,
    pub(crate) letters: DeadLetterTable,
    dynamo: Client,
    tables: [String; 2],
}

/// The outputs of the stack from `make up`; the gate names the file.
fn outputs() -> serde_json::Value {
    let path = std::env::var("POSTEL_OUTPUTS")
        .expect("POSTEL_OUTPUTS names the outputs of a stack; `make it` brings one up");
    let text = std::fs::read_to_string(&path).expect("a stack that is up");
    serde_json::from_str(&text).expect("JSON")
}

/// The functions' configuration, except for the credentials. `endpoint` is the address of a relay
/// before the cloud, if there is one.
fn configuration(outputs: &serde_json::Value, endpoint: Option<String>) -> SdkConfig {
    let text = |name: &str| outputs[name].as_str().expect("a text").to_owned();
    let root = Credentials::new(
        text("accessKeyId"),
        text("secretAccessKey"),
        None,
        None,
        "the local cloud's root",
    );
    adapters::clients::sdk_config(AWS_CALL_TIMEOUT)
        .into_builder()
        .endpoint_url(endpoint.unwrap_or_else(|| text("awsEndpointUrl")))
        .region(Region::new(text("region")))
        .credentials_provider(SharedCredentialsProvider::new(root))
        .build()
}

/// An index of the template: its name, its keys, and the other attributes that it projects.
struct Index {
    name: &'static str,
    keys: [&'static str; 2],
    also: &'static [&'static str],
}

/// As in infra/template.yaml. (The SDK cannot parse the local cloud's description of tables, so
/// they cannot be copied.)
const DUE: Index = Index {
    name: "due",
    keys: ["due_shard", "due_at"],
    also: &["status", "seq", "manual"],
};
const AGE: Index = Index {
    name: "age",
    keys: ["age_shard", "sk"],
    also: &[],
};

fn keys(names: [&str; 2]) -> Vec<KeySchemaElement> {
    names
        .into_iter()
        .zip([KeyType::Hash, KeyType::Range])
        .map(|(name, kind)| {
            let key = KeySchemaElement::builder().attribute_name(name);
            key.key_type(kind).build().unwrap()
        })
        .collect()
}

async fn create(dynamo: &Client, name: &str, index: &Index) {
    let projection = if index.also.is_empty() {
        Projection::builder().projection_type(ProjectionType::KeysOnly)
    } else {
        let also = index.also.iter().copied().map(str::to_owned).collect();
        Projection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(also))
    };
    let mut attributes = vec!["pk", "sk"];
    attributes.extend(index.keys.iter().filter(|key| **key != "sk"));
    let attributes = attributes.into_iter().map(|name| {
        let kind = match name {
            "due_at" => ScalarAttributeType::N,
            _ => ScalarAttributeType::S,
        };
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(kind).build().unwrap()
    });
    let index = GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(keys(index.keys)))
        .projection(projection.build())
        .build()
        .unwrap();
    dynamo
        .create_table()
        .table_name(name)
        .set_key_schema(Some(keys(["pk", "sk"])))
        .set_attribute_definitions(Some(attributes.collect()))
        .global_secondary_indexes(index)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}

impl Cloud {
    pub(crate) async fn open() -> Self {
        let outputs = outputs();
        let aws = configuration(&outputs, None);
        let dynamo = Client::new(&aws);
        let suffix = fastrand::u64(..);
        let (log, letters) = (format!("it-log-{suffix:x}"), format!("it-dead-{suffix:x}"));
        create(&dynamo, &log, &DUE).await;
        create(&dynamo, &letters, &AGE).await;
        let retention = days(RETENTION_DAYS);
        Self {
            store: DeliveryTable::new(
                &aws,
                log.clone(),
                letters.clone(),
                retention,
                DueShards::ALL,
            ),
            letters: DeadLetterTable::new(&aws, letters.clone()),
            dynamo,
            tables: [log, letters],
        }
    }

    /// The address of the cloud itself.
    pub(crate) fn address() -> String {
        let outputs = outputs();
        let url = outputs["awsEndpointUrl"].as_str().expect("a text");
        url.trim_start_matches("http://").to_owned()
    }

    /// The log's table for a function that reaches the cloud at another address.
    pub(crate) fn store_by(&self, address: &str) -> DeliveryTable {
        let aws = configuration(&outputs(), Some(format!("http://{address}")));
        let [log, letters] = self.tables.clone();
        let retention = days(RETENTION_DAYS);
        DeliveryTable::new(&aws, log, letters, retention, DueShards::ALL)
    }

    pub(crate) async fn close(self) {
        for table in self.tables {
            let gone = self.dynamo.delete_table().table_name(table).send().await;
            gone.unwrap();
        }
    }
}
