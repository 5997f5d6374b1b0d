//! A stack of Postel on AWS: its parameters, outputs and resources.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Aws, AwsError, RESOURCES, SECRET, STACK};
use crate::failure::{Exit, Failure};
use crate::member::Member as _;

/// What CloudFormation says of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stack {
    pub(crate) name: String,
    pub(crate) status: String,
    /// When it was created, in RFC 3339.
    pub(crate) created: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    /// Physical ids by logical ids.
    pub(crate) resources: BTreeMap<String, Resource>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// `AWS::SQS::Queue`, for instance.
    pub(crate) kind: String,
    pub(crate) id: String,
}

impl Stack {
    /// Parameters and outputs.
    pub(crate) async fn describe(aws: &Aws, name: &str) -> Result<Self, AwsError> {
        let answer = aws.call(&STACK, &["--stack-name", name]).await?;
        let stack = answer.pointer("/Stacks/0").unwrap_or(&Value::Null);
        let pairs = |list: &str, key: &str, value: &str| {
            let all = stack.member(list).as_array().into_iter().flatten();
            all.map(|pair| (string(pair, key), string(pair, value)))
                .collect()
        };
        Ok(Self {
            name: name.to_owned(),
            status: string(stack, "StackStatus"),
            created: string(stack, "CreationTime"),
            parameters: pairs("Parameters", "ParameterKey", "ParameterValue"),
            outputs: pairs("Outputs", "OutputKey", "OutputValue"),
            resources: BTreeMap::new(),
        })
    }

    /// Adds the resources.
    pub(crate) async fn list(&mut self, aws: &Aws) -> Result<(), AwsError> {
        let answer = aws.call(&RESOURCES, &["--stack-name", &self.name]).await?;
        let all = answer.member("StackResourceSummaries").as_array();
        self.resources = all
            .into_iter()
            .flatten()
            .map(|resource| {
                let found = Resource {
                    kind: string(resource, "ResourceType"),
                    id: string(resource, "PhysicalResourceId"),
                };
                (string(resource, "LogicalResourceId"), found)
            })
            .collect();
        Ok(())
    }

    /// An output that every stack of Postel has.
    pub(crate) fn output(&self, name: &str) -> Result<&str, Failure> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| {
            let detail = format!("The stack {} has no output {name}.", self.name);
            Failure::new(Exit::NotFound, "not_found", detail)
                .hint("Is it a stack of Postel? Its template is infra/template.yaml.")
        })
    }

    /// The API's address. A local cloud serves it under its own, whatever its output says.
    pub(crate) fn api_url(&self, aws: &Aws) -> Result<String, Failure> {
        let Some(endpoint) = aws.local_endpoint() else {
            return self.output("ApiUrl").map(str::to_owned);
        };
        let id = self.output("HttpApiId")?;
        let endpoint = endpoint.trim_end_matches('/');
        Ok(format!("{endpoint}/_aws/execute-api/{id}"))
    }

    /// A parameter, empty if the stack has none of this name.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The same as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.parameter(name).parse().ok()
    }

    /// The resources of a kind: logical and physical ids.
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let found = self.resources.iter();
        found
            .filter(move |(_, resource)| resource.kind == kind)
            .map(|(name, resource)| (name.as_str(), resource.id.as_str()))
    }
}

/// The operator's key, from its secret.
pub(crate) async fn operator_key(aws: &Aws, secret: &str) -> Result<String, AwsError> {
    let answer = aws.call(&SECRET, &["--secret-id", secret]).await?;
    Ok(string(&answer, "SecretString").trim().to_owned())
}

fn string(value: &Value, name: &str) -> String {
    value.member(name).as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::LocalCloud;

    #[test]
    fn the_api_of_a_local_cloud_is_under_its_own_address_and_that_of_aws_is_the_output() {
        let outputs = [
            ("ApiUrl", "https://x1.execute-api.eu-west-1.amazonaws.com"),
            ("HttpApiId", "x1"),
        ];
        let stack = Stack {
            outputs: outputs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Stack::default()
        };
        let cloud = LocalCloud {
            endpoint: "http://127.0.0.1:4566".to_owned(),
            region: "eu-west-1".to_owned(),
            access_key_id: "a".to_owned(),
            secret_access_key: "s".to_owned(),
        };
        assert_eq!(
            stack.api_url(&Aws::local(&cloud)).unwrap(),
            "http://127.0.0.1:4566/_aws/execute-api/x1"
        );
        for endpoint in [None, Some("http://10.0.0.9:4566".to_owned())] {
            let elsewhere = Aws::new(Vec::new(), endpoint, false);
            assert_eq!(stack.api_url(&elsewhere).unwrap(), outputs[0].1);
        }
    }
}
