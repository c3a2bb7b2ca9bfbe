"""Makes buckets and their policies on a server that speaks S3, for the scripts beside it.

    buckets.py ENDPOINT KEY SECRET make|make-locked BUCKET       make-locked: with object lock, and so with versions; one that is there already is kept
    buckets.py ENDPOINT KEY SECRET share BUCKET ADDER READER     one user may put and read but not delete, one may only read
    buckets.py ENDPOINT KEY SECRET locked BUCKET FOLDER          fails unless every version of every object of a repository is locked by the
                                                                 mode of compliance and the server refuses to delete it; says how many, and the
                                                                 earliest and the latest date in seconds since 1970
"""

import json
import sys

import boto3
import botocore.config
import botocore.exceptions

READ = ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"]
ADD = [*READ, "s3:PutObject"]


def client(endpoint, key, secret):
    config = botocore.config.Config(
        s3={"addressing_style": "path"},
        retries={"max_attempts": 10, "mode": "standard"},
        request_checksum_calculation="when_required",
    )
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", config=config, aws_access_key_id=key, aws_secret_access_key=secret
    )


def make(s3, bucket, **options):
    try:
        s3.create_bucket(Bucket=bucket, **options)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass  # an attempt before this one was answered by an error, and made it


def share(s3, bucket, owner, adder, reader):
    def allow(user, actions):
        return {
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam:::user/{user}"]},
            "Action": actions,
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        }

    # Objects belong to whoever put them: without the first line the owner of the bucket could not read them.
    everything = [allow(owner, ["s3:*"]), allow(adder, ADD), allow(reader, READ)]
    policy = {"Version": "2012-10-17", "Statement": everything}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def locked(s3, bucket, folder):
    dates = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=f"{folder}/"):
        for version in page.get("Versions", []):
            key, number = version["Key"], version["VersionId"]
            kind = key.removeprefix(f"{folder}/").split("/")[0]
            if kind not in ("pack", "index", "journal"):
                continue
            retention = s3.get_object_retention(Bucket=bucket, Key=key, VersionId=number)["Retention"]
            if retention["Mode"] != "COMPLIANCE":
                sys.exit(f"{key} is locked by the mode {retention['Mode']}")
            dates.append(int(retention["RetainUntilDate"].timestamp()))
            try:
                s3.delete_object(Bucket=bucket, Key=key, VersionId=number)
            except botocore.exceptions.ClientError:
                continue
            sys.exit(f"{key} was deleted")
    if not dates:
        sys.exit("there is no object")
    print(len(dates), min(dates), max(dates))


def main(endpoint, key, secret, command, bucket, *users):
    s3 = client(endpoint, key, secret)
    if command == "make":
        make(s3, bucket)
    elif command == "make-locked":
        make(s3, bucket, ObjectLockEnabledForBucket=True)
    elif command == "share":
        share(s3, bucket, key, *users)
    elif command == "locked":
        locked(s3, bucket, *users)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
