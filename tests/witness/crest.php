<?php
// CRest: its installation from the event, calls, a batch and a renewal.
$told = json_decode(file_get_contents('portal.json'), true);
file_put_contents('settings.php', sprintf(
    "<?php\ndefine('C_REST_CLIENT_ID', %s);\ndefine('C_REST_CLIENT_SECRET', %s);\ndefine('C_REST_IGNORE_SSL', true);\ndefine('C_REST_BLOCK_LOG', true);\n",
    var_export($told['client_id'], true), var_export($told['client_secret'], true)));
require 'crest.php';

function verb($name, $body = [])
{
    global $told;
    $options = ['http' => ['method' => 'POST', 'header' => 'Content-Type: application/json', 'content' => json_encode((object)$body)]];
    return json_decode(file_get_contents("http://{$told['listens']}/sandbox/$name", false, stream_context_create($options)), true);
}

function check($holds, $what)
{
    if (!$holds) {
        fwrite(STDERR, "CRest: $what\n");
        exit(1);
    }
}

verb('install_silently');
$granted = verb('grant');
$_REQUEST = ['event' => 'ONAPPINSTALL', 'PLACEMENT' => '', 'auth' => $granted + [
    'domain' => 'portal.example', 'application_token' => 'known', 'expires_in' => '3600']];
check(CRest::installApp()['install'], 'it is not installed');
check(CRest::call('profile')['result']['ADMIN'] === true, 'profile');
verb('expire_access_tokens');
check(CRest::call('app.info')['result']['INSTALLED'] === true, 'it did not renew its tokens');
$batch = CRest::callBatch(['a' => ['method' => 'server.time'], 'b' => ['method' => 'scope']]);
check(count($batch['result']['result']['b']) === 3, 'batch');
echo "CRest: agrees\n";
