//! The calls of AWS that the command line makes, each with the permission that it needs.
//!
//! docs/deploying.md has a policy with all of them; a test compares the two.

/// One call: a command of the AWS CLI, and the action that IAM decides about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AwsCall {
    pub(crate) action: &'static str,
    pub(super) service: &'static str,
    pub(super) command: &'static str,
}

macro_rules! calls {
    ($($name:ident = $action:literal $service:literal $command:literal;)*) => {
        $(pub(crate) static $name: AwsCall = AwsCall { action: $action, service: $service, command: $command };)*
        /// All of them, for the test.
        #[cfg(test)]
        pub(crate) static ALL: &[&AwsCall] = &[$(&$name),*];
    };
}

calls! {
    CALLER = "sts:GetCallerIdentity" "sts" "get-caller-identity";
    STACK = "cloudformation:DescribeStacks" "cloudformation" "describe-stacks";
    RESOURCES = "cloudformation:ListStackResources" "cloudformation" "list-stack-resources";
    SECRET = "secretsmanager:GetSecretValue" "secretsmanager" "get-secret-value";

    ACCOUNT_SETTINGS = "lambda:GetAccountSettings" "lambda" "get-account-settings";
    FUNCTION = "lambda:GetFunctionConfiguration" "lambda" "get-function-configuration";
    MAPPINGS = "lambda:ListEventSourceMappings" "lambda" "list-event-source-mappings";
    QUEUE = "sqs:GetQueueAttributes" "sqs" "get-queue-attributes";
    SEND = "sqs:SendMessage" "sqs" "send-message-batch";
    METRIC = "cloudwatch:GetMetricStatistics" "cloudwatch" "get-metric-statistics";
    ALARMS = "cloudwatch:DescribeAlarms" "cloudwatch" "describe-alarms";
    LOG_GROUPS = "logs:DescribeLogGroups" "logs" "describe-log-groups";
    LOG_LINES = "logs:FilterLogEvents" "logs" "filter-log-events";
    SCHEDULE_GROUP = "scheduler:GetScheduleGroup" "scheduler" "get-schedule-group";
    SCHEDULE = "scheduler:GetSchedule" "scheduler" "get-schedule";
    SCHEDULES = "scheduler:ListSchedules" "scheduler" "list-schedules";
    SCHEDULE_DELETE = "scheduler:DeleteSchedule" "scheduler" "delete-schedule";
    TABLE = "dynamodb:DescribeTable" "dynamodb" "describe-table";
    BACKUPS = "dynamodb:DescribeContinuousBackups" "dynamodb" "describe-continuous-backups";
    EXPIRY = "dynamodb:DescribeTimeToLive" "dynamodb" "describe-time-to-live";
    KEY = "kms:DescribeKey" "kms" "describe-key";
    SENDER = "ses:GetEmailIdentity" "sesv2" "get-email-identity";
    MAIL_ACCOUNT = "ses:GetAccount" "sesv2" "get-account";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_policy_with_every_action() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deploying.md");
        let page = std::fs::read_to_string(page).unwrap();
        for call in ALL {
            // Everybody may ask who they are.
            let is_free = **call == CALLER;
            assert!(
                is_free || page.contains(&format!("\"{}\"", call.action)),
                "{}",
                call.action
            );
        }
    }
}
